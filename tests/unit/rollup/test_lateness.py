from datetime import timedelta
from unittest.mock import Mock

import pytest

from classwaves_rollup import schedule
from classwaves_rollup.lateness import late_hours
from classwaves_rollup.run import Run, State
from classwaves_rollup.runs import Runs
from tests.support.school import HOUR, TEN

DUE = TEN + HOUR + timedelta(minutes=5)


@pytest.mark.parametrize("state", [None, State.RUNNING, State.FAILED])
def test_an_hour_is_late_from_ten_minutes_after_it_was_due_on(state):
    runs = {TEN - HOUR: Run(TEN - HOUR, "run", State.DONE, finished_at=TEN)}
    if state is not None:
        runs[TEN] = Run(TEN, "run", state)
    late_at = DUE + timedelta(minutes=10)
    assert late_hours(Runs(runs), late_at - timedelta(seconds=1)) == []
    assert late_hours(Runs(runs), late_at) == [TEN]


def test_a_ledger_without_any_hour_is_late_with_the_hour_that_it_should_begin_with():
    assert late_hours(Runs({}), DUE + timedelta(minutes=9)) == []
    assert late_hours(Runs({}), DUE + timedelta(minutes=10)) == [TEN]


def test_the_schedule_is_not_asked_for_each_hour(monkeypatch):
    trigger = Mock(wraps=schedule._HOURS)
    monkeypatch.setattr(schedule, "_HOURS", trigger)
    first = TEN - timedelta(days=40)
    runs = Runs({first: Run(first, "run", State.DONE, finished_at=TEN)})
    assert len(late_hours(runs, DUE + timedelta(minutes=10))) == 40 * 24
    assert trigger.get_next_fire_time.call_count <= 2
