"""A rollup that dies at each of its steps, and some that race: an hour is the old one or the new one, and gets done."""

import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from classwaves_rollup.run import State
from classwaves_rollup.schedule import newest_due
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from demo.process import Process
from demo.world import World
from tests.support.school import HOUR, TEN, School, everything, told
from tests.support.waiting import PATIENCE, wait_until

_HOUR_POINTS = ("hour-begun", "hour-read", "hour-facts", "hour-rows", "hour-done")
_INSIDE = (
    "replacing-hour=kill@1",
    "hour-replaced=kill@2",
    "replacing-hour=kill@3",
    "hour-replaced=kill@4",
)
_LOOK_POINTS = ("look-versions", "look-marked", "look-examined")
_HOURS = [TEN + number * HOUR for number in range(-1, 4)]


class Rollup:
    """A folder of tables, and processes of `rollup` on it."""

    def __init__(self, folder):
        warehouse = DeltaWarehouse(str(folder / "warehouse"))
        warehouse.tables.migrate()
        self.school = School(warehouse)
        self.world = World(folder, {**os.environ, "WAREHOUSE": f"delta:{folder / 'warehouse'}"})
        self.world.logs.mkdir()
        self._count = 0

    def start(self, *arguments: str, **environ: str) -> Process:
        self._count += 1
        return self.world.start(
            f"rollup-{self._count}", *World.command("rollup", *arguments), **environ
        )

    def end(self, *arguments: str, **environ: str) -> int:
        """The exit code of a command that is run to its end."""
        with self.start(*arguments, **environ) as process:
            code = process.wait(PATIENCE)
            assert code in (0, -signal.SIGKILL), process.last_words()
            return code

    def rows(self) -> list:
        return everything(self.school.warehouse)


@pytest.fixture
def rollup(tmp_path):
    return Rollup(tmp_path)


def once(hour=TEN) -> Sequence[str]:
    return ("once", "--hour", f"{hour:%Y-%m-%dT%H}")


def backfill() -> Sequence[str]:
    return ("backfill", "--from", f"{_HOURS[0]:%Y-%m-%dT%H}", "--to", f"{_HOURS[-1]:%Y-%m-%dT%H}")


def expected(*rows) -> list:
    """What the hours of a warehouse come to that has these events and where nothing ever went wrong."""
    calm = School()
    calm.tell(*rows)
    calm.compute(*_HOURS)
    return everything(calm.warehouse)


BEFORE = [
    told("s1", "started", 10),
    told("s1", "ended", 40),
    told("s2", "started", 50),
    told("s2", "ended", 80),
]
LATE = [told("s3", "started", 20), told("s3", "ended", 130), told("s2", "ended", 100)]


def test_a_kill_at_any_step_leaves_the_old_hour_or_the_new_one_and_the_next_run_finishes(rollup):
    school = rollup.school
    school.tell(*BEFORE)
    school.compute(TEN)
    old = school.rows()
    school.tell(*LATE)
    reference = School()
    reference.tell(*BEFORE, *LATE)
    reference.compute(TEN)
    new = reference.rows()
    assert old != new
    for order in (*(f"{point}=kill@1" for point in _HOUR_POINTS), *_INSIDE):
        assert rollup.end(*once(), FAILPOINTS=order) == -signal.SIGKILL, order
        assert school.rows() in (old, new), order
        # Nobody may believe an hour of which only a part is new.
        finished = (
            school.rows(ROLLUP_FACTS_HOURLY) == reference.rows(ROLLUP_FACTS_HOURLY)
            and school.rows() == new
        )
        assert finished or school.runs[TEN].state is not State.DONE, order
    assert rollup.end(*once()) == 0
    assert school.rows() == new
    assert school.runs[TEN].state is State.DONE


def test_a_kill_at_any_step_of_a_look_loses_no_change(rollup):
    school = rollup.school
    school.tell(*BEFORE)
    school.compute(*_HOURS)
    school.tell(*LATE)
    for point in _LOOK_POINTS:
        assert rollup.end(*backfill(), FAILPOINTS=f"{point}=kill@1") == -signal.SIGKILL
    assert rollup.end(*backfill()) == 0
    assert rollup.rows() == expected(*BEFORE, *LATE)


def test_a_backfill_that_is_killed_goes_on_where_it_was(rollup):
    rollup.school.tell(*BEFORE, *LATE)
    for _ in range(2):
        assert rollup.end(*backfill(), FAILPOINTS="hour-done=kill@2") == -signal.SIGKILL
    done = {hour for hour, run in rollup.school.runs.items() if run.state is State.DONE}
    assert len(done) >= 2
    before = {hour: rollup.school.runs[hour].run_id for hour in done}
    assert rollup.end(*backfill()) == 0
    assert {hour: rollup.school.runs[hour].run_id for hour in done} == before
    assert rollup.rows() == expected(*BEFORE, *LATE)


@pytest.mark.parametrize("stalls", ["hour-begun", "hour-read"])
def test_a_run_that_is_overtaken_and_then_wakes_up_and_dies_hides_nothing_that_came_late(
    rollup, stalls
):
    school = rollup.school
    early, late = [*BEFORE, told("s3", "started", -250)], told("s3", "ended", 70)
    school.tell(*early)
    with rollup.start(*once(), FAILPOINTS=f"{stalls}=stop@1,hour-facts=kill@1") as overtaken:
        wait_until(lambda: frozen(overtaken), "the first run stalls")
        school.compute(*_HOURS)
        school.tell(late)
        os.kill(overtaken.pid, signal.SIGCONT)
        assert overtaken.wait(PATIENCE) in (0, -signal.SIGKILL), overtaken.last_words()
    assert rollup.end(*backfill()) == 0
    assert rollup.rows() == expected(*early, late)


def frozen(process: Process) -> bool:
    assert process.code is None, process.last_words()
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_rollups_that_race_for_the_same_hours_write_the_same_rows_once(rollup):
    rollup.school.tell(*BEFORE, *LATE)
    with (
        rollup.start(*backfill()) as one,
        rollup.start(*backfill()) as other,
        rollup.start(*once()) as third,
    ):
        codes = [process.wait(PATIENCE) for process in (one, other, third)]
    assert codes == [0, 0, 0], "\n".join(process.last_words() for process in (one, other, third))
    assert rollup.rows() == expected(*BEFORE, *LATE)
    assert {run.state for run in rollup.school.runs.values()} == {State.DONE}


def test_workers_that_run_at_once_repair_late_events_and_end_at_sigterm(rollup):
    school, newest = rollup.school, newest_due(datetime.now(UTC))
    hours = [newest - HOUR, newest]
    shift = (newest - HOUR - TEN) / timedelta(minutes=1)
    school.tell(told("s1", "started", shift + 10), told("s1", "ended", shift + 40))
    school.compute(*hours)
    school.tell(told("s2", "started", shift + 20), told("s2", "ended", shift + 70))

    def repaired() -> bool:
        active = [row["sessions_active"] for row in school.rows()]
        return active == [2, 1] and all(school.runs[hour].state is State.DONE for hour in hours)

    with rollup.start("run", HTTP_PORT="0") as one, rollup.start("run", HTTP_PORT="0") as other:
        wait_until(
            lambda: repaired() or one.code is not None or other.code is not None,
            "late events are there",
        )
        for process in (one, other):
            process.terminate()
        assert [process.wait(PATIENCE) for process in (one, other)] == [0, 0], (
            one.last_words() + other.last_words()
        )
    assert repaired()
