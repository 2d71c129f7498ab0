"""An hour depends on its sources only."""

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
from tests.support.rollup.statements import (
    compute_facts,
    compute_hourly,
    compute_totals,
    hours_from,
    sorted_facts,
)

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
"""The columns that are NULL without a source. classroom_sessions also gives schools."""


@pytest.fixture(scope="module")
def realistic():
    made = sources(7, FIRST, hours=3, schools=5, sessions=60, measured_groups=True)
    return {BY_NAME[name]: rows for name, rows in made.items()}


@pytest.fixture(scope="module")
def facts(realistic):
    return compute_facts(realistic, NINE)


def test_the_order_of_rows_and_files_does_not_matter(realistic, facts, tmp_path):
    rng = np.random.default_rng(1)
    scattered = {}
    for table, rows in realistic.items():
        shuffled = rows.take(rng.permutation(rows.num_rows))
        half = rows.num_rows // 2
        for part, piece in (("a", shuffled.slice(half)), ("b", shuffled.slice(0, half))):
            (tmp_path / table.name).mkdir(exist_ok=True)
            pq.write_table(piece, tmp_path / table.name / f"{part}.parquet")
        scattered[table] = ds.dataset(tmp_path / table.name, schema=arrow_schema(table))
    again = compute_facts(scattered, NINE)
    assert sorted_facts(again) == sorted_facts(facts)
    assert compute_hourly(again.take(rng.permutation(again.num_rows)), NINE) == compute_hourly(
        facts, NINE
    )


def test_computing_twice_gives_the_same_facts_without_duplicates(realistic, facts):
    assert sorted_facts(compute_facts(realistic, NINE)) == sorted_facts(facts)
    keys = facts.select(["school_id", "source", "fact", "entity_id"])
    assert keys.group_by(keys.column_names).aggregate([]).num_rows == facts.num_rows


@pytest.mark.parametrize("name", COLUMNS_OF)
def test_a_missing_or_empty_source_makes_only_its_columns_null(realistic, facts, name):
    without = {table: rows for table, rows in realistic.items() if table.qualified_name != name}
    missing = compute_facts(without, NINE)
    assert sorted_facts(
        compute_facts({**without, BY_NAME[name]: arrow_schema(BY_NAME[name]).empty_table()}, NINE)
    ) == sorted_facts(missing)
    computed = {"data_sources_count", "calculated_at"}
    whole = {row["school_id"]: row for row in compute_hourly(facts, NINE)}
    for row in compute_hourly(missing, NINE):
        changed = {
            column for column, value in row.items() if value != whole[row["school_id"]][column]
        }
        assert changed - computed <= COLUMNS_OF[name]
        assert all(row[column] is None for column in COLUMNS_OF[name])


def test_without_sources_there_are_no_facts_and_no_rows():
    nothing = compute_facts({}, NINE)
    assert nothing.num_rows == 0
    assert not compute_hourly(nothing, NINE)


def test_totals_over_hours_match_a_count_of_raw_events(realistic):
    hours = hours_from(FIRST, 3)
    facts = pa.concat_tables([compute_facts(realistic, hour) for hour in hours])
    found = compute_totals(facts, hours[0], hours[-1] + HOUR)
    assert {school: row["sessions_active"] for school, row in found.items()} == {
        school: len(sessions)
        for school, sessions in _counted(realistic, hours[0], hours[-1] + HOUR).items()
    }
    summed = [row["sessions_active"] for hour in hours for row in compute_hourly(facts, hour)]
    assert sum(summed) > sum(row["sessions_active"] for row in found.values())


def _counted(realistic, first, end):
    """School → its sessions, from raw events; of several schools the least counts."""
    schools = defaultdict(set)
    rooms = {
        row["id"]: row["school_id"]
        for row in realistic[BY_NAME["sessions.classroom_sessions"]].to_pylist()
    }
    starts, ends = defaultdict(list), defaultdict(list)
    named = defaultdict(set)
    for row in realistic[EVENTS].to_pylist():
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
