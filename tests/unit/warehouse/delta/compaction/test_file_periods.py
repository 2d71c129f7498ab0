from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_warehouse.delta.compaction.file_groups import CompactionPolicy, DataFile
from classwaves_warehouse.delta.compaction.file_periods import plan_periods

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)
POLICY = CompactionPolicy()


def file(start, span=timedelta(0), rows=100, size=10_000, age=3 * HOUR):
    return DataFile(f"{start}+{span}", size, rows, start, start + span, NOW - age)


def hours(first, number, **properties):
    return [file(first + index * HOUR, **properties) for index in range(number)]


def test_files_of_a_day_are_rewritten_as_one_once_nothing_is_written_any_more():
    day = hours(MARCH, 3)
    other = hours(MARCH + DAY, 2)
    assert plan_periods([*other, *day], NOW, POLICY) == [day, other]


def test_a_day_that_was_just_written_is_rewritten_when_it_has_many_files():
    few, many = hours(MARCH, 7, age=HOUR), hours(MARCH, 8, age=HOUR)
    assert plan_periods(few, NOW, POLICY) == []
    assert plan_periods(many, NOW, POLICY) == [many]


def test_the_large_file_of_a_day_is_not_rewritten_for_each_new_hour():
    whole = file(MARCH, 20 * HOUR, rows=40_000)
    new = hours(MARCH, 8, age=HOUR)
    assert plan_periods([whole, *new], NOW, POLICY) == [new]


def test_days_of_a_month_stay_apart_until_it_is_sealed():
    days = [file(FEBRUARY + number * DAY, 23 * HOUR) for number in range(28)]
    assert plan_periods(days, datetime(2026, 3, 7, 23, tzinfo=UTC), POLICY) == []
    assert plan_periods(days, datetime(2026, 3, 8, tzinfo=UTC), POLICY) == [days]


def test_a_sealed_month_of_one_file_is_left_alone():
    assert plan_periods([file(FEBRUARY, 27 * DAY)], NOW, POLICY) == []


def test_a_sealed_month_that_is_larger_than_a_file_becomes_several_of_adjacent_days():
    days = [file(FEBRUARY + number * DAY, 23 * HOUR, rows=100_000) for number in range(28)]
    assert plan_periods(days, NOW, POLICY) == [days[:10], days[10:20], days[20:]]


def test_a_file_of_several_days_waits_until_its_month_is_sealed():
    wide = file(MARCH, 3 * DAY)
    assert plan_periods([wide, *hours(MARCH, 1)], NOW, POLICY) == []
    assert len(plan_periods([wide, *hours(MARCH, 1)], NOW + 60 * DAY, POLICY)) == 1


def test_the_december_of_a_year_is_sealed_in_january():
    days = [file(datetime(2025, 12, number, tzinfo=UTC), 23 * HOUR) for number in range(1, 32)]
    assert plan_periods(days, datetime(2026, 1, 7, tzinfo=UTC), POLICY) == []
    assert plan_periods(days, datetime(2026, 1, 8, tzinfo=UTC), POLICY) == [days]


@pytest.mark.parametrize("span", [None, 60 * DAY])
def test_files_of_no_single_month_are_grouped_by_size(span):
    first, last = (None, None) if span is None else (FEBRUARY, FEBRUARY + span)
    given = [DataFile(str(number), 10, 10, first, last, NOW) for number in range(8)]
    assert plan_periods(given, NOW, POLICY) == [given]


def test_a_file_without_a_time_of_writing_counts_as_old():
    day = [DataFile(str(number), 10, 10, MARCH, MARCH + HOUR, None) for number in range(2)]
    assert plan_periods(day, NOW, POLICY) == [day]


@given(
    st.lists(
        st.tuples(
            st.integers(-300 * 24, 24),
            st.sampled_from([0, 1, 30, 700, 2000]),
            st.integers(0, 1_200_000),
            st.integers(1, 70 * 1024 * 1024),
            st.integers(0, 5),
        ),
        max_size=60,
    )
)
def test_groups_never_overlap_and_keep_all_limits(drawn):
    given = [
        DataFile(str(index), size, rows, NOW + start * HOUR, NOW + (start + span) * HOUR, NOW)
        for index, (start, span, rows, size, _) in enumerate(drawn)
    ]
    policy = CompactionPolicy(min_files=3, max_files=10)
    groups = plan_periods(given, NOW, policy)
    chosen = [each.path for group in groups for each in group]
    assert len(chosen) == len(set(chosen))
    for group in groups:
        assert 2 <= len(group) <= 10
        assert sum(each.rows for each in group) <= policy.max_rows
        assert sum(each.size for each in group) <= policy.max_bytes
        assert all(policy.is_small(each) for each in group)
