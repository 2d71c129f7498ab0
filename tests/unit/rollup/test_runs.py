from datetime import datetime

from classwaves_rollup.run import Run, State
from classwaves_rollup.runs import Runs, latest, read_runs
from tests.support.school import HOUR, TEN, School


def ledger(*states: str | None) -> Runs:
    """Hours from ten o'clock on: their state, `incomplete` for one that ingestion had not passed, None for no row."""
    return Runs(
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


def test_complete_through_is_the_last_hour_before_the_first_hole():
    assert ledger("done", "done", "done").complete_through == TEN + 2 * HOUR
    assert ledger("done", "incomplete", "done").complete_through == TEN
    assert ledger("done", None, "done").complete_through == TEN
    assert ledger("done", "done", "dirty").complete_through == TEN + HOUR
    assert ledger("done", "running").complete_through == TEN
    assert ledger("done", "failed", "done").complete_through == TEN


def test_nothing_is_complete_where_the_first_hour_is_not():
    assert ledger().complete_through is None
    assert ledger("failed", "done").complete_through is None


def test_holes_are_all_hours_that_are_not_done_and_complete():
    hours = ledger("done", "dirty", None, "incomplete", "done")
    assert hours.holes(TEN + 5 * HOUR) == [TEN + number * HOUR for number in (1, 2, 3, 5)]


def test_missing_are_due_hours_without_a_row_oldest_first():
    assert ledger("done", None, "failed", None).missing(TEN + 4 * HOUR) == [
        TEN + HOUR,
        TEN + 3 * HOUR,
        TEN + 4 * HOUR,
    ]


def test_an_empty_ledger_begins_with_the_newest_due_hour():
    assert ledger().missing(TEN) == [TEN]


def test_hours_to_be_computed_again_are_told_newest_first():
    hours = ledger("dirty", "incomplete", "dirty", "incomplete")
    assert hours.in_state(State.DIRTY) == [TEN + 2 * HOUR, TEN]
    assert hours.incomplete() == [TEN + 3 * HOUR, TEN + HOUR]
    assert hours.incomplete(passed=TEN + 2 * HOUR) == [TEN + HOUR]


def test_a_row_is_read_as_it_was_written():
    school = School()
    (computed,) = school.compute(TEN)
    assert read_runs(school.warehouse.hours()) == {TEN: computed}


def test_of_several_positions_the_latest_of_each_table_counts():
    assert latest({"a": 1, "b": 5}, {"a": 3, "c": -1}, {}) == {"a": 3, "b": 5, "c": -1}
