"""The scan for late data beside upkeep of the Delta tables that it reads."""

import os
import time

import pytest

from classwaves_runtime.clock import ManualClock
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.delta.compaction.file_groups import CompactionPolicy
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from tests.support.rollup.harness import HOUR, TEN, RollupHarness, event_row

NINE, ELEVEN = TEN - HOUR, TEN + HOUR
TWO_DAYS = 2 * 86_400


@pytest.fixture
def harness(tmp_path):
    """Hours from nine to eleven are computed. s1 was active from 10:10 to 10:50."""
    clock = ManualClock(TEN + 4 * HOUR)
    policy = CompactionPolicy(min_files=2)
    warehouse = DeltaWarehouse(str(tmp_path), compaction=policy, clock=clock)
    warehouse.tables.migrate()
    harness = RollupHarness(warehouse, now=TEN + 4 * HOUR)
    harness.add(event_row("s1", "started", 10))
    harness.add(event_row("s1", "ended", 50))
    harness.compute(NINE, TEN, ELEVEN)
    assert harness.mark_late_data() == []
    return harness


@pytest.fixture
def expire(tmp_path, harness):
    """Lets the retention of session_events pass, and runs upkeep."""

    def expire():
        table = Root(str(tmp_path)).open(SESSION_EVENTS)
        table.create_checkpoint()
        moment = time.time() - TWO_DAYS
        for file in (tmp_path / "analytics/session_events").rglob("*.*"):
            os.utime(file, (moment, moment))
        report = harness.warehouse.upkeep().run_once()[0]
        assert report.log_entries > 0

    return expire


def test_upkeep_makes_no_hour_dirty(harness):
    assert harness.warehouse.upkeep().run_once()[0].groups == 1
    assert harness.mark_late_data() == []


def test_late_events_that_were_compacted_before_the_scan_make_only_their_hours_dirty(harness):
    harness.add(event_row("s1", "member_join", 20))
    assert harness.warehouse.upkeep().run_once()[0].groups == 1
    assert harness.mark_late_data() == [TEN]


def test_a_scan_that_falls_behind_the_retention_computes_every_hour_again(harness, expire):
    """The late event cannot be told from the others any more, so no hour is trusted."""
    harness.add(event_row("s3", "started", 65))
    harness.add(event_row("s2", "configured", 300))
    before = harness.rows()
    expire()
    assert harness.mark_late_data() == [NINE, TEN, ELEVEN]
    harness.compute(NINE, TEN, ELEVEN)
    assert harness.rows() != before
    assert harness.mark_late_data() == []


def test_a_scan_at_the_latest_version_is_not_behind_any_retention(harness, expire):
    expire()
    assert harness.mark_late_data() == []
