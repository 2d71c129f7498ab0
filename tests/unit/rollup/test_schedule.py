from datetime import UTC, datetime, timedelta, timezone

import pytest

from classwaves_rollup.schedule import hour_of, newest_due, next_look


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
def test_from_minute_5_on_the_hour_before_is_due(now, newest):
    assert newest_due(now) == newest


def test_the_day_begins_with_the_last_hour_of_the_day_before():
    assert newest_due(datetime(2026, 3, 2, 0, 5, tzinfo=UTC)) == datetime(
        2026, 3, 1, 23, tzinfo=UTC
    )


def test_a_look_comes_at_each_full_minute():
    assert [next_look(at(10, 3, second)) for second in (0, 1, 59)] == [at(10, 4)] * 3


def test_hours_are_those_of_utc_wherever_the_clock_stands():
    india = timezone(timedelta(hours=5, minutes=30))
    assert hour_of(datetime(2026, 3, 2, 15, 45, tzinfo=india)) == at(10, 0)
    assert newest_due(datetime(2026, 3, 2, 16, 35, tzinfo=india)) == at(10, 0)
