import pytest

from classwaves_rollup.given import hour_given, hours_given
from tests.support.school import HOUR, TEN


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
def test_an_hour_may_be_written_in_several_ways(text):
    assert hour_given(text) == TEN


@pytest.mark.parametrize(
    "text", ["", "now", "2026-03-02", "2026-03-02T10:05", "2026-03-02T10:00:01", "2026-02-30T10"]
)
def test_what_names_no_hour_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match="write 2026-11-25T10, in UTC"):
        hour_given(text)


def test_a_range_has_its_first_and_its_last_hour():
    assert hours_given("2026-03-02T10", "2026-03-02T12") == [TEN, TEN + HOUR, TEN + 2 * HOUR]
    assert hours_given("2026-03-02T10", "2026-03-02T10") == [TEN]


def test_dates_are_whole_days():
    hours = hours_given("2026-03-02", "2026-03-03")
    assert (len(hours), hours[0], hours[-1]) == (48, TEN - 10 * HOUR, TEN + 37 * HOUR)


@pytest.mark.parametrize(
    ("first", "last", "problem"),
    [
        ("2026-03-02T11", "2026-03-02T10", "'2026-03-02T10' is before '2026-03-02T11'"),
        ("2026-02-30", "2026-03-02", "'2026-02-30' is no date"),
        ("2026-03-02", "soon", "'soon' is no hour"),
    ],
)
def test_a_range_that_is_none_is_refused(first, last, problem):
    with pytest.raises(ValueError, match=problem):
        hours_given(first, last)
