from dataclasses import replace
from threading import Event

from classwaves_rollup.backfill import Backfill
from classwaves_rollup.run_log import State
from tests.support.rollup.harness import HOUR, TEN, event_row


def test_the_position_of_its_scan_is_kept_with_its_runs(quick_harness):
    quick_harness.add(event_row("s1", "started", 10))

    def open_computer():
        return replace(quick_harness.computer, store=quick_harness.warehouse.rollup())

    job = Backfill(open_computer, quick_harness.scan, 2, Event())
    hours = [TEN, TEN + HOUR]
    results = dict(job.results(hours, job.mark_late_data()))
    assert {run.state for run in results.values()} == {State.DONE}
    run_log = quick_harness.run_log
    assert run_log.examined_versions == quick_harness.scan.examined_versions
    assert run_log.examined_versions["analytics.session_events"] == 1
