"""Databricks SQL matches the results by hand, and those of DuckDB for realistic data."""

from datetime import UTC, datetime

import pytest

from classwaves_rollup.formulas import (
    HOUR,
    facts_statement,
    hourly_parameters,
    hourly_statement,
    window,
    without_school_statement,
)
from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY, SOURCES
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from classwaves_warehouse.rollup_rows import cast_to_table
from demo.sources import sources
from tests.support.rollup import rows
from tests.support.rollup.assertions import differing_facts, differing_rows
from tests.support.rollup.golden import CASES, combine
from tests.support.rollup.statements import compute_facts, sorted_facts
from tests.support.sources import fill

PRESENT = {table.qualified_name for table in SOURCES}


@pytest.fixture
def warehouse(databricks):
    databricks.drop_tables()
    yield DatabricksWarehouse(DatabricksSettings.from_environment(databricks.environment))
    databricks.drop_tables()


def facts_from(warehouse, tables, hour):
    for table in SOURCES:
        fill(warehouse, table, tables.get(table, arrow_schema(table).empty_table()))
    with warehouse.rollup().snapshot(SOURCES) as snapshot:
        return cast_to_table(
            snapshot.query(facts_statement(PRESENT), window(hour)), ROLLUP_FACTS_HOURLY
        )


def test_an_hour_matches_the_result_by_hand(warehouse):
    given, expected, without_school = combine(CASES)
    facts = facts_from(warehouse, rows.to_arrow(given), rows.HOUR)
    assert not differing_facts(
        sorted_facts(facts), sorted_facts(compute_facts(rows.to_arrow(given)))
    )
    with warehouse.rollup().snapshot(SOURCES) as snapshot:
        counted = snapshot.query(without_school_statement(PRESENT), window(rows.HOUR))
    assert counted["events_without_school"].to_pylist() == [without_school]
    fill(warehouse, ROLLUP_FACTS_HOURLY, facts)
    found = {}
    for rates in {case.rates for case in CASES}:
        with warehouse.rollup().snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
            for row in snapshot.query(
                hourly_statement(), hourly_parameters(rows.HOUR, rates)
            ).to_pylist():
                found[row["school_id"], rates] = row
    numbered = {str(number): case.rates for number, case in enumerate(CASES)}
    by_school = {
        school: row
        for (school, rates), row in found.items()
        if numbered[school.split(".")[0]] == rates
    }
    assert not differing_rows(by_school, expected)


def test_spark_reads_missing_sources_as_empty(warehouse):
    with warehouse.rollup().snapshot(SOURCES) as snapshot:
        assert not snapshot.versions
        assert snapshot.query(facts_statement(()), window(rows.HOUR)).num_rows == 0


def test_realistic_data_have_the_facts_that_duckdb_finds(warehouse):
    first = datetime(2025, 9, 15, 8, tzinfo=UTC)
    made = sources(3, first, hours=2, schools=4, sessions=30, measured_groups=True)
    tables = {table: made[table.qualified_name] for table in SOURCES}
    assert not differing_facts(
        sorted_facts(facts_from(warehouse, tables, first + HOUR)),
        sorted_facts(compute_facts(tables, first + HOUR)),
    )
