import pytest

from bench.rollup_backfill import Month, quarters
from bench.rollup_data import HOUR, build_days, build_hour, day
from bench.rollup_hour import Cost, Growth, touchable_bytes


def test_days_share_schools_but_no_session_group_or_row():
    one, other = day(1, 3, 20), day(2, 3, 20)

    def ids(tables, table, column):
        return set(tables[table][column].to_pylist())

    for table, column in (
        ("analytics.session_events", "session_id"),
        ("analytics.session_events", "id"),
        ("sessions.classroom_sessions", "id"),
        ("sessions.student_groups", "id"),
        ("analytics.group_metrics", "group_id"),
    ):
        assert not ids(one, table, column) & ids(other, table, column)
    assert ids(one, "analytics.session_events", "school_id") == ids(
        other, "analytics.session_events", "school_id"
    )
    assert ids(one, "sessions.student_groups", "session_id") <= ids(
        one, "analytics.session_events", "session_id"
    )


def test_files_outside_the_window_are_not_touched(tmp_path):
    build_hour(str(tmp_path), 2, 4)
    alone = touchable_bytes(str(tmp_path), HOUR)
    build_days(str(tmp_path), 3, 3, 2, 4)
    grown_by_hour = touchable_bytes(str(tmp_path), HOUR)
    grown = {name for name in alone if grown_by_hour[name] > alone[name]}
    # Rooms and groups have no time by which an hour could leave files out.
    assert grown == {"sessions.classroom_sessions", "sessions.student_groups"}


def test_ratios_are_of_medians_and_sums():
    short, long = (
        [Cost((each,), (each,), 1, 1, 100, None) for each in seconds]
        for seconds in ((1, 2, 9), (3, 4, 4))
    )
    growth = Growth(90, 10, short, long, {"a": 10, "b": 10}, {"a": 10, "b": 20})
    assert (growth.time_ratio, growth.bytes_ratio, growth.read_ratio) == (2.0, 1.5, 1.0)


@pytest.mark.parametrize(
    ("ended", "expected"), [([1, 2, 4, 8, 9, 10, 12, 15], (2, 5)), ([3], (3, 3))]
)
def test_quarters(ended, expected):
    assert quarters(ended) == expected


def test_a_year_is_projected_hour_by_hour():
    found = Month(73, 2, 10.0, 10.0, 1.0, 1.0, 1, 1, None)
    assert found.document()["projected_year_minutes"] == 20.0
