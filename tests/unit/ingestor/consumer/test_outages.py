import logging
from datetime import UTC, datetime

import pytest

from classwaves_ingestor.consumer.outages import Outages
from classwaves_runtime.clock import ManualClock
from classwaves_runtime.health import Health


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2025, 9, 15, tzinfo=UTC))


@pytest.fixture
def health(clock) -> Health:
    health = Health(clock)
    health.ready("start")
    return health


@pytest.fixture
def outages(clock, health, caplog) -> Outages:
    caplog.set_level(logging.INFO)
    return Outages(health, clock)


def test_an_outage_is_one_line_at_its_begin_and_one_at_its_end(outages, clock, caplog):
    for _ in range(500):
        outages.failed("broker", "Connection refused.", errors=2)
        clock.advance(0.5)
    outages.answered("broker")
    outages.answered("broker")
    begun, ended = caplog.records
    assert begun.getMessage() == "The broker does not answer: Connection refused. Waiting."
    assert ended.getMessage() == "The broker answers again"
    assert (ended.seconds, ended.errors) == (250.0, 1000)


def test_a_process_is_unready_while_anything_does_not_answer(outages, health):
    outages.failed("broker", "first")
    outages.failed("warehouse", "cold")
    outages.failed("broker", "second")
    assert health.readiness().reasons == {"broker": "second", "warehouse": "cold"}
    outages.answered("broker")
    assert health.readiness().reasons == {"warehouse": "cold"}
    outages.answered("warehouse")
    assert health.readiness().ok


def test_a_second_outage_is_counted_for_itself(outages, caplog):
    for errors in (3, 4):
        outages.failed("broker", "away", errors)
        outages.answered("broker")
    assert [each.errors for each in caplog.records if hasattr(each, "errors")] == [3, 4]
