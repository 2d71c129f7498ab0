from datetime import datetime

from classwaves_rollup.run_log import Run, RunLog, State, latest_versions, read_run_log
from tests.support.rollup.harness import HOUR, TEN, RollupHarness


def run_log(*states: str | None) -> RunLog:
    """Hours from ten o'clock on by state; `incomplete` is done but not complete, None is no run."""
    return RunLog(
        {
            TEN + number * HOUR: run(TEN + number * HOUR, state)
            for number, state in enumerate(states)
            if state
        }
    )


def run(hour: datetime, state: str) -> Run:
    if state == "incomplete":
        return Run(hour, "run", State.DONE, complete=False)
    return Run(hour, "run", State(state), complete=True)


def test_the_last_complete_hour_precedes_the_first_that_is_not_final():
    assert run_log("done", "done", "done").last_complete_hour == TEN + 2 * HOUR
    assert run_log("done", "incomplete", "done").last_complete_hour == TEN
    assert run_log("done", None, "done").last_complete_hour == TEN
    assert run_log("done", "done", "dirty").last_complete_hour == TEN + HOUR
    assert run_log("done", "running").last_complete_hour == TEN
    assert run_log("done", "failed", "done").last_complete_hour == TEN


def test_no_hour_is_complete_if_the_first_is_not():
    assert run_log().last_complete_hour is None
    assert run_log("failed", "done").last_complete_hour is None


def test_every_hour_that_is_missing_or_unfinished_is_not_final():
    hours = run_log("done", "dirty", None, "incomplete", "done")
    assert hours.not_final(TEN + 5 * HOUR) == [TEN + number * HOUR for number in (1, 2, 3, 5)]


def test_missing_hours_are_due_hours_without_a_run_oldest_first():
    assert run_log("done", None, "failed", None).missing(TEN + 4 * HOUR) == [
        TEN + HOUR,
        TEN + 3 * HOUR,
        TEN + 4 * HOUR,
    ]


def test_an_empty_run_log_misses_the_newest_due_hour():
    assert run_log().missing(TEN) == [TEN]


def test_hours_to_recompute_come_newest_first():
    hours = run_log("dirty", "incomplete", "dirty", "incomplete")
    assert hours.in_state(State.DIRTY) == [TEN + 2 * HOUR, TEN]
    assert hours.incomplete() == [TEN + 3 * HOUR, TEN + HOUR]
    assert hours.incomplete(TEN + 2 * HOUR) == [TEN + HOUR]


def test_a_run_is_read_as_it_was_written():
    harness = RollupHarness()
    (computed,) = harness.compute(TEN)
    assert read_run_log(harness.warehouse.rollup()) == {TEN: computed}


def test_the_latest_version_of_each_table_counts():
    assert latest_versions({"a": 1, "b": 5}, {"a": 3, "c": -1}, {}) == {"a": 3, "b": 5, "c": -1}
