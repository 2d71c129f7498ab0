"""Kills at each step of the rollup, and races: an hour keeps its old rows or gets its new ones."""

import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from classwaves_rollup.run_log import State
from classwaves_rollup.schedule import newest_due
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from demo.environment import Environment
from demo.process import Process
from tests.support.rollup.harness import HOUR, TEN, RollupHarness, event_row, read_results
from tests.support.waiting import TIMEOUT_SECONDS, wait_until

_HOUR_POINTS = ("hour-begun", "hour-read", "hour-facts", "hour-rows", "hour-done")
_INSIDE = (
    "replacing-hour=kill@1",
    "hour-replaced=kill@2",
    "replacing-hour=kill@3",
    "hour-replaced=kill@4",
)
_SCAN_POINTS = ("look-versions", "look-marked", "look-examined")
_HOURS = [TEN + number * HOUR for number in range(-1, 4)]


class RollupProcesses:
    """A folder of tables, and processes of `rollup` on it."""

    def __init__(self, folder):
        warehouse = DeltaWarehouse(str(folder / "warehouse"))
        warehouse.tables.migrate()
        self.harness = RollupHarness(warehouse)
        self.environment = Environment(
            folder, {**os.environ, "WAREHOUSE": f"delta:{folder / 'warehouse'}"}
        )
        self.environment.logs.mkdir()
        self._count = 0

    def start(self, *arguments: str, **environ: str) -> Process:
        self._count += 1
        return self.environment.start(
            f"rollup-{self._count}", *Environment.command("rollup", *arguments), **environ
        )

    def end(self, *arguments: str, **environ: str) -> int:
        """Run a command to its end; give its exit code."""
        with self.start(*arguments, **environ) as process:
            code = process.wait(TIMEOUT_SECONDS)
            assert code in (0, -signal.SIGKILL), process.log_tail()
            return code

    def rows(self) -> list:
        return read_results(self.harness.warehouse)


@pytest.fixture
def rollup(tmp_path):
    return RollupProcesses(tmp_path)


def once(hour=TEN) -> Sequence[str]:
    return ("once", "--hour", f"{hour:%Y-%m-%dT%H}")


def backfill() -> Sequence[str]:
    return ("backfill", "--from", f"{_HOURS[0]:%Y-%m-%dT%H}", "--to", f"{_HOURS[-1]:%Y-%m-%dT%H}")


def expected(*rows) -> list:
    """The results for these events without any fault."""
    undisturbed = RollupHarness()
    undisturbed.add(*rows)
    undisturbed.compute(*_HOURS)
    return read_results(undisturbed.warehouse)


BEFORE = [
    event_row("s1", "started", 10),
    event_row("s1", "ended", 40),
    event_row("s2", "started", 50),
    event_row("s2", "ended", 80),
]
LATE = [
    event_row("s3", "started", 20),
    event_row("s3", "ended", 130),
    event_row("s2", "ended", 100),
]


def test_a_kill_at_any_step_leaves_the_old_rows_or_the_new_ones_and_the_next_run_finishes(rollup):
    harness = rollup.harness
    harness.add(*BEFORE)
    harness.compute(TEN)
    old = harness.rows()
    harness.add(*LATE)
    reference = RollupHarness()
    reference.add(*BEFORE, *LATE)
    reference.compute(TEN)
    new = reference.rows()
    assert old != new
    for order in (*(f"{point}=kill@1" for point in _HOUR_POINTS), *_INSIDE):
        assert rollup.end(*once(), FAILPOINTS=order) == -signal.SIGKILL, order
        assert harness.rows() in (old, new), order
        # An hour with new facts and old rows must not be done.
        finished = (
            harness.rows(ROLLUP_FACTS_HOURLY) == reference.rows(ROLLUP_FACTS_HOURLY)
            and harness.rows() == new
        )
        assert finished or harness.run_log[TEN].state is not State.DONE, order
    assert rollup.end(*once()) == 0
    assert harness.rows() == new
    assert harness.run_log[TEN].state is State.DONE


def test_a_kill_at_any_step_of_a_scan_loses_no_change(rollup):
    harness = rollup.harness
    harness.add(*BEFORE)
    harness.compute(*_HOURS)
    harness.add(*LATE)
    for point in _SCAN_POINTS:
        assert rollup.end(*backfill(), FAILPOINTS=f"{point}=kill@1") == -signal.SIGKILL
    assert rollup.end(*backfill()) == 0
    assert rollup.rows() == expected(*BEFORE, *LATE)


def test_a_killed_backfill_continues_where_it_stopped(rollup):
    rollup.harness.add(*BEFORE, *LATE)
    for _ in range(2):
        assert rollup.end(*backfill(), FAILPOINTS="hour-done=kill@2") == -signal.SIGKILL
    done = {hour for hour, run in rollup.harness.run_log.items() if run.state is State.DONE}
    assert len(done) >= 2
    before = {hour: rollup.harness.run_log[hour].run_id for hour in done}
    assert rollup.end(*backfill()) == 0
    assert {hour: rollup.harness.run_log[hour].run_id for hour in done} == before
    assert rollup.rows() == expected(*BEFORE, *LATE)


@pytest.mark.parametrize("stalls", ["hour-begun", "hour-read"])
def test_a_superseded_run_that_resumes_and_dies_does_not_hide_late_data(rollup, stalls):
    harness = rollup.harness
    early, late = [*BEFORE, event_row("s3", "started", -250)], event_row("s3", "ended", 70)
    harness.add(*early)
    with rollup.start(*once(), FAILPOINTS=f"{stalls}=stop@1,hour-facts=kill@1") as superseded:
        wait_until(lambda: is_stopped(superseded), "the first run stalls")
        harness.compute(*_HOURS)
        harness.add(late)
        os.kill(superseded.pid, signal.SIGCONT)
        assert superseded.wait(TIMEOUT_SECONDS) in (0, -signal.SIGKILL), superseded.log_tail()
    assert rollup.end(*backfill()) == 0
    assert rollup.rows() == expected(*early, late)


def is_stopped(process: Process) -> bool:
    assert process.code is None, process.log_tail()
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_processes_that_race_for_the_same_hours_write_the_same_rows_once(rollup):
    rollup.harness.add(*BEFORE, *LATE)
    with (
        rollup.start(*backfill()) as one,
        rollup.start(*backfill()) as other,
        rollup.start(*once()) as third,
    ):
        codes = [process.wait(TIMEOUT_SECONDS) for process in (one, other, third)]
    assert codes == [0, 0, 0], "\n".join(process.log_tail() for process in (one, other, third))
    assert rollup.rows() == expected(*BEFORE, *LATE)
    assert {run.state for run in rollup.harness.run_log.values()} == {State.DONE}


def test_two_workers_recompute_late_events_and_end_at_sigterm(rollup):
    harness, newest = rollup.harness, newest_due(datetime.now(UTC))
    hours = [newest - HOUR, newest]
    shift = (newest - HOUR - TEN) / timedelta(minutes=1)
    harness.add(event_row("s1", "started", shift + 10), event_row("s1", "ended", shift + 40))
    harness.compute(*hours)
    harness.add(event_row("s2", "started", shift + 20), event_row("s2", "ended", shift + 70))

    def recomputed() -> bool:
        active = [row["sessions_active"] for row in harness.rows()]
        return active == [2, 1] and all(harness.run_log[hour].state is State.DONE for hour in hours)

    with rollup.start("run", HTTP_PORT="0") as one, rollup.start("run", HTTP_PORT="0") as other:
        wait_until(
            lambda: recomputed() or one.code is not None or other.code is not None,
            "late events are in the rows",
        )
        for process in (one, other):
            process.terminate()
        assert [process.wait(TIMEOUT_SECONDS) for process in (one, other)] == [0, 0], (
            one.log_tail() + other.log_tail()
        )
    assert recomputed()
