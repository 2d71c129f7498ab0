from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import SOURCES
from demo.sources import sources

FIRST = datetime(2025, 9, 15, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def made():
    return sources(1, FIRST, hours=3, schools=5, sessions=400)


def test_the_same_seed_gives_the_same_rows_and_another_seed_others(made):
    assert sources(1, FIRST, hours=3, schools=5, sessions=400) == made
    assert sources(2, FIRST, hours=3, schools=5, sessions=400) != made


def test_every_source_has_the_declared_columns_and_none_is_null_that_must_not_be(made):
    assert list(made) == [table.qualified_name for table in SOURCES]
    for table in SOURCES:
        rows = made[table.qualified_name]
        assert rows.schema == arrow_schema(table)
        assert not any(
            rows[column.name].null_count for column in table.columns if not column.nullable
        )
    assert made["analytics.group_metrics"].num_rows == 0


def test_sessions_are_as_odd_as_in_reality(made):
    rows = made["analytics.session_events"].to_pylist()
    counts = Counter((row["session_id"], row["event_type"]) for row in rows)
    sessions = {row["session_id"] for row in rows}
    assert len(sessions) == 400
    started = {session: counts[session, "started"] for session in sessions}
    ended = {session: counts[session, "ended"] for session in sessions}
    assert any(count > 1 for count in started.values())
    assert any(count > 1 for count in ended.values())
    assert any(not ended[session] for session in sessions)
    assert any(not started[session] and ended[session] for session in sessions)
    schools = {
        session: {row["school_id"] for row in rows if row["session_id"] == session}
        for session in sessions
    }
    assert any(named == {None} for named in schools.values())
    assert any(len(named) > 1 for named in schools.values())
    known = {row["id"] for row in made["sessions.classroom_sessions"].to_pylist()}
    assert sessions - known


def test_a_session_has_about_85_events(made):
    assert 75 <= made["analytics.session_events"].num_rows / 400 <= 95


def test_some_ends_come_more_than_twelve_hours_late(made):
    rows = made["analytics.session_events"].to_pylist()
    ends = [row["event_time"] for row in rows if row["event_type"] == "ended"]
    assert max(ends) > FIRST + timedelta(hours=13)
