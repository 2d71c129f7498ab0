from datetime import UTC, datetime

import pytest

from classwaves_runtime.clock import ManualClock
from classwaves_runtime.health import STALL_SECONDS, Health


@pytest.fixture
def clock():
    return ManualClock(datetime(2026, 9, 1, tzinfo=UTC))


@pytest.fixture
def health(clock):
    return Health(clock)


def test_a_process_that_starts_is_live_and_not_ready(health):
    assert health.live().ok
    assert not health.readiness().ok
    assert health.readiness().reasons == {"start": "starting"}


def test_a_process_is_ready_when_no_cause_is_left(health):
    health.unready("warehouse", "cold")
    health.ready("start")
    assert health.readiness().reasons == {"warehouse": "cold"}
    health.ready("warehouse")
    health.ready("warehouse")
    assert health.readiness().ok


def test_a_loop_without_heartbeat_is_neither_live_nor_ready(health, clock):
    health.ready("start")
    clock.advance(STALL_SECONDS - 1)
    assert health.live().ok
    clock.advance(1)
    assert not health.live().ok
    assert health.readiness().reasons == {"loop": "no heartbeat for 60 s"}
    health.heartbeat()
    assert health.readiness().ok


def test_a_process_that_waits_for_a_warehouse_is_live(health):
    health.unready("warehouse", "cold")
    assert health.live().ok
