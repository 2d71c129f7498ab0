from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_warehouse.delta.compaction.file_groups import (
    CompactionPolicy,
    DataFile,
    plan_groups,
)
from tests.support.rows import MORNING

NOW = MORNING + timedelta(hours=12)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
POLICY = CompactionPolicy()


def file(name, start=MORNING, span=MINUTE, rows=100, size=10_000):
    return DataFile(name, size, rows, start, start + span)


def files(number, step=MINUTE, **properties):
    return [file(f"{index:05}", MORNING + index * step, **properties) for index in range(number)]


def names(groups):
    return [[each.path for each in group] for group in groups]


def test_few_files_are_left_alone():
    assert plan_groups(files(7), NOW, POLICY) == []


def test_adjacent_files_become_groups_of_limited_length():
    given = files(300)
    groups = plan_groups(given[::-1], NOW, POLICY)
    assert groups == [given[:256], given[256:]]


def test_big_files_are_left_alone():
    by_rows = files(20, rows=500_000)
    by_size = files(20, size=32 * 1024 * 1024)
    assert plan_groups(by_rows, NOW, POLICY) == plan_groups(by_size, NOW, POLICY) == []


@pytest.mark.parametrize(
    ("properties", "lengths"),
    [
        ({"rows": 300_000}, [3, 3, 3]),
        ({"size": 20 * 1024 * 1024}, [3, 3, 3]),
    ],
    ids=["rows", "bytes"],
)
def test_files_that_fill_a_group_are_rewritten_however_few(properties, lengths):
    groups = plan_groups(files(10, **properties), NOW, POLICY)
    assert [len(group) for group in groups] == lengths


def test_files_of_other_sizes_are_other_groups_and_the_smallest_come_first():
    large = files(8, rows=40_000)
    small = [file(f"small-{index}", MORNING + index * MINUTE) for index in range(8)]
    assert plan_groups(large + small, NOW, POLICY) == [small, large]


def test_a_row_is_rewritten_a_few_times_however_many_files_arrive():
    live, rewritten = [], 0
    for number in range(1000):
        live.append(file(f"{number:05}", MORNING + number * MINUTE, rows=1000))
        for group in plan_groups(live, MORNING + number * MINUTE, POLICY):
            rows = sum(each.rows for each in group)
            rewritten += rows
            live = [each for each in live if each not in group]
            live.append(
                DataFile(
                    f"{number:05}-merged",
                    rows * 50,
                    rows,
                    min(each.first for each in group),
                    max(each.last for each in group),
                )
            )
    assert rewritten / 1_000_000 < 5
    assert len(live) < 40


def test_a_file_with_one_absurd_time_is_grouped_only_with_others_like_it():
    absurd = [file(f"absurd-{index}", MORNING - 9000 * DAY, 9000 * DAY) for index in range(9)]
    normal = files(20)
    assert plan_groups([*normal, absurd[0]], NOW, POLICY) == [normal]
    assert plan_groups(absurd + normal, NOW, POLICY) == [normal, absurd]


def test_a_late_file_from_weeks_ago_does_not_widen_a_group():
    late = file("late", NOW - 21 * DAY)
    normal = files(10)
    assert plan_groups([late, *normal], NOW, POLICY) == [normal]


def test_old_files_of_quiet_weeks_are_grouped():
    quiet = files(10, step=DAY)
    assert plan_groups(quiet, MORNING + 12 * DAY, POLICY) == []
    assert plan_groups(quiet, MORNING + 100 * DAY, POLICY) == [quiet]


def test_files_without_statistics_are_grouped_with_wide_files():
    unknown = [DataFile(f"unknown-{index}", 10, 0, None, None) for index in range(8)]
    normal = files(8)
    assert plan_groups(unknown + normal, NOW, POLICY) == [normal, unknown]


@given(
    st.lists(
        st.tuples(
            st.integers(-300 * 24, 24),
            st.integers(0, 300 * 24),
            st.integers(0, 1_200_000),
            st.integers(1, 70 * 1024 * 1024),
        ),
        max_size=60,
    )
)
def test_groups_never_overlap_and_keep_all_limits(drawn):
    hour = timedelta(hours=1)
    given = [
        DataFile(str(index), size, rows, MORNING + start * hour, MORNING + (start + span) * hour)
        for index, (start, span, rows, size) in enumerate(drawn)
    ]
    policy = CompactionPolicy(min_files=3, max_files=10)
    groups = plan_groups(given, NOW, policy)
    chosen = [each.path for group in groups for each in group]
    assert len(chosen) == len(set(chosen))
    for group in groups:
        assert 2 <= len(group) <= 10
        assert sum(each.rows for each in group) <= policy.max_rows
        assert sum(each.size for each in group) <= policy.max_bytes
        assert all(policy.is_small(each) for each in group)
