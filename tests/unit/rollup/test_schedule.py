from datetime import UTC, datetime, timedelta, timezone
from unittest.mock import patch

import pytest
from apscheduler.triggers.cron import CronTrigger

from classwaves_rollup.run_log import Run, RunLog, State
from classwaves_rollup.schedule import (
    newest_due,
    next_scan,
    overdue_hours,
)
from tests.support.rollup.harness import HOUR, TEN

DUE = TEN + HOUR + timedelta(minutes=5)


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2026, 3, 2, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (at(11, 4, 59), at(9, 0)),
        (at(11, 5), at(10, 0)),
        (at(11, 5, 1), at(10, 0)),
        (at(12, 0), at(10, 0)),
        (at(12, 4, 59), at(10, 0)),
        (at(12, 5), at(11, 0)),
    ],
)
def test_an_hour_is_due_at_minute_5_of_the_next_hour(now, newest):
    assert newest_due(now) == newest


def test_after_midnight_the_last_hour_of_the_previous_day_is_due():
    assert newest_due(datetime(2026, 3, 2, 0, 5, tzinfo=UTC)) == datetime(
        2026, 3, 1, 23, tzinfo=UTC
    )


def test_the_worker_scans_at_each_full_minute():
    assert [next_scan(at(10, 3, second)) for second in (0, 1, 59)] == [at(10, 4)] * 3


def test_the_due_hour_is_in_utc_whatever_the_time_zone_of_the_clock():
    india = timezone(timedelta(hours=5, minutes=30))
    assert newest_due(datetime(2026, 3, 2, 16, 35, tzinfo=india)) == at(10, 0)


@pytest.mark.parametrize("state", [None, State.RUNNING, State.FAILED])
def test_an_hour_is_overdue_ten_minutes_after_it_was_due(state):
    runs = {TEN - HOUR: Run(TEN - HOUR, "run", State.DONE, finished_at=TEN)}
    if state is not None:
        runs[TEN] = Run(TEN, "run", state)
    overdue_at = DUE + timedelta(minutes=10)
    assert overdue_hours(RunLog(runs), overdue_at - timedelta(seconds=1)) == []
    assert overdue_hours(RunLog(runs), overdue_at) == [TEN]


def test_in_an_empty_run_log_the_newest_due_hour_can_be_overdue():
    assert overdue_hours(RunLog({}), DUE + timedelta(minutes=9)) == []
    assert overdue_hours(RunLog({}), DUE + timedelta(minutes=10)) == [TEN]


def test_the_schedule_is_not_evaluated_for_each_hour():
    first = TEN - timedelta(days=40)
    runs = RunLog({first: Run(first, "run", State.DONE, finished_at=TEN)})
    real = CronTrigger.get_next_fire_time
    with patch.object(CronTrigger, "get_next_fire_time", autospec=True, side_effect=real) as called:
        assert len(overdue_hours(runs, DUE + timedelta(minutes=10))) == 40 * 24
    assert called.call_count <= 2
