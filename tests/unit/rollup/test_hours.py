from datetime import datetime, timedelta, timezone

import pytest

from classwaves_rollup.hours import hour_of, parse_hour, parse_hours
from tests.support.rollup.harness import HOUR, TEN


def test_the_hour_of_a_moment_is_in_utc_whatever_its_time_zone():
    india = timezone(timedelta(hours=5, minutes=30))
    assert hour_of(datetime(2026, 3, 2, 15, 45, tzinfo=india)) == TEN


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02T10",
        "2026-03-02 10:00",
        "2026-03-02T10:00:00Z",
        "2026-03-02T15:30+05:30",
        " 2026-03-02T10Z ",
    ],
)
def test_an_hour_can_be_written_in_several_ways(text):
    assert parse_hour(text) == TEN


@pytest.mark.parametrize(
    "text", ["", "now", "2026-03-02", "2026-03-02T10:05", "2026-03-02T10:00:01", "2026-02-30T10"]
)
def test_a_text_that_is_not_an_hour_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="write 2026-11-25T10, in UTC"):
        parse_hour(text)


def test_a_range_includes_both_ends():
    assert parse_hours("2026-03-02T10", "2026-03-02T12") == [TEN, TEN + HOUR, TEN + 2 * HOUR]
    assert parse_hours("2026-03-02T10", "2026-03-02T10") == [TEN]


def test_a_date_is_its_whole_day():
    hours = parse_hours("2026-03-02", "2026-03-03")
    assert (len(hours), hours[0], hours[-1]) == (48, TEN - 10 * HOUR, TEN + 37 * HOUR)


@pytest.mark.parametrize(
    ("first", "last", "problem"),
    [
        ("2026-03-02T11", "2026-03-02T10", "'2026-03-02T10' is before '2026-03-02T11'"),
        ("2026-02-30", "2026-03-02", "'2026-02-30' is not a date"),
        ("2026-03-02", "soon", "'soon' is not an hour"),
    ],
)
def test_an_invalid_range_is_refused(first, last, problem):
    with pytest.raises(ValueError, match=problem):
        parse_hours(first, last)
