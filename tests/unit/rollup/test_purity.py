"""An hour depends on nothing but its sources."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from classwaves_rollup.formulas import HOUR
from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import SOURCES
from demo.sources import sources
from tests.support.rollup.asking import facts_of, hourly_of, hours_from, listed, totals_of

FIRST = datetime(2025, 9, 15, 8, tzinfo=UTC)
NINE = FIRST + HOUR
BY_NAME = {table.qualified_name: table for table in SOURCES}
EVENTS = BY_NAME["analytics.session_events"]

COLUMNS_OF = {
    "analytics.session_metrics": {
        *(
            "avg_session_quality",
            "avg_engagement_score",
            "avg_participation_rate",
            "avg_connection_stability",
        ),
    },
    "analytics.group_metrics": {"avg_collaboration_score"},
    "analytics.educational_metrics": {
        *(
            "total_prompts_generated",
            "total_interventions",
            "total_alerts",
            "ai_analyses_completed",
        ),
        *("avg_ai_processing_time", "ai_analysis_success_rate"),
    },
    "sessions.student_groups": {"total_groups", "ready_groups"},
    "operational.system_events": {"total_errors"},
    "operational.api_metrics": {"avg_response_time", "error_rate"},
}
"""What is NULL without a source. (Without classroom_sessions, schools are missed too.)"""


@pytest.fixture(scope="module")
def believable():
    made = sources(7, FIRST, hours=3, schools=5, sessions=60, measured_groups=True)
    return {BY_NAME[name]: rows for name, rows in made.items()}


@pytest.fixture(scope="module")
def facts(believable):
    return facts_of(believable, NINE)


def test_the_order_of_rows_and_their_files_make_no_difference(believable, facts, tmp_path):
    rng = np.random.default_rng(1)
    scattered = {}
    for table, rows in believable.items():
        shuffled = rows.take(rng.permutation(rows.num_rows))
        half = rows.num_rows // 2
        for part, piece in (("a", shuffled.slice(half)), ("b", shuffled.slice(0, half))):
            (tmp_path / table.name).mkdir(exist_ok=True)
            pq.write_table(piece, tmp_path / table.name / f"{part}.parquet")
        scattered[table] = ds.dataset(tmp_path / table.name, schema=arrow_schema(table))
    again = facts_of(scattered, NINE)
    assert listed(again) == listed(facts)
    assert hourly_of(again.take(rng.permutation(again.num_rows)), NINE) == hourly_of(facts, NINE)


def test_computing_twice_gives_the_same_facts_each_once(believable, facts):
    assert listed(facts_of(believable, NINE)) == listed(facts)
    keys = facts.select(["school_id", "source", "fact", "entity_id"])
    assert keys.group_by(keys.column_names).aggregate([]).num_rows == facts.num_rows


@pytest.mark.parametrize("name", COLUMNS_OF)
def test_a_source_that_is_missing_or_empty_only_makes_its_columns_null(believable, facts, name):
    without = {table: rows for table, rows in believable.items() if table.qualified_name != name}
    missing = facts_of(without, NINE)
    assert listed(
        facts_of({**without, BY_NAME[name]: arrow_schema(BY_NAME[name]).empty_table()}, NINE)
    ) == listed(missing)
    computed = {"data_sources_count", "calculated_at"}
    whole = {row["school_id"]: row for row in hourly_of(facts, NINE)}
    for row in hourly_of(missing, NINE):
        changed = {
            column for column, value in row.items() if value != whole[row["school_id"]][column]
        }
        assert changed - computed <= COLUMNS_OF[name]
        assert all(row[column] is None for column in COLUMNS_OF[name])


def test_without_any_source_there_are_no_facts_and_no_rows():
    nothing = facts_of({}, NINE)
    assert nothing.num_rows == 0
    assert not hourly_of(nothing, NINE)


def test_totals_over_hours_are_what_raw_events_say_when_one_counts_them(believable):
    hours = hours_from(FIRST, 3)
    facts = pa.concat_tables([facts_of(believable, hour) for hour in hours])
    found = totals_of(facts, hours[0], hours[-1] + HOUR)
    assert {school: row["sessions_active"] for school, row in found.items()} == {
        school: len(sessions)
        for school, sessions in _counted(believable, hours[0], hours[-1] + HOUR).items()
    }
    summed = [row["sessions_active"] for hour in hours for row in hourly_of(facts, hour)]
    assert sum(summed) > sum(row["sessions_active"] for row in found.values())


def _counted(believable, first, end):
    """Sessions by school, counted from raw events in the plainest way; disputed schools go to the least."""
    schools = defaultdict(set)
    rooms = {
        row["id"]: row["school_id"]
        for row in believable[BY_NAME["sessions.classroom_sessions"]].to_pylist()
    }
    starts, ends = defaultdict(list), defaultdict(list)
    named = defaultdict(set)
    for row in believable[EVENTS].to_pylist():
        named[row["session_id"]].add(row["school_id"])
        if row["event_type"] == "started":
            starts[row["session_id"]].append(row["event_time"])
        elif row["event_type"] == "ended":
            ends[row["session_id"]].append(row["event_time"])
    for session, times in starts.items():
        school = min(named[session] - {None}, default=None) or rooms.get(session)
        if school and min(times) < end and max(times) + timedelta(hours=4) > first:
            schools[school].add(session)
    return schools
