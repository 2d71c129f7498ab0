"""The rollup's statements on tables in memory."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from classwaves_rollup.formulas import (
    Rates,
    facts_statement,
    hourly_parameters,
    hourly_statement,
    totals_parameters,
    totals_statement,
    window,
    without_school_statement,
)
from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY, SOURCES, Table
from classwaves_warehouse.duckdb_session import DuckDBSession
from classwaves_warehouse.rollup_rows import cast_to_table
from tests.support.rollup.reference_totals import Fact
from tests.support.rollup.rows import HOUR, Sources, to_arrow

NO_RATES = Rates()


def compute_facts(tables: Mapping[Table, pa.Table], hour: datetime = HOUR) -> pa.Table:
    """The facts of an hour, as rows of rollup_facts_hourly."""
    with DuckDBSession({table.name: rows for table, rows in tables.items()}) as duck:
        sql = facts_statement({table.qualified_name for table in tables})
        return cast_to_table(duck.query(sql, window(hour)), ROLLUP_FACTS_HOURLY)


def with_all_sources(tables: Mapping[Table, pa.Table]) -> dict[Table, pa.Table]:
    """The tables, and empty ones for missing sources: one statement for all is translated once."""
    return {source: tables.get(source, arrow_schema(source).empty_table()) for source in SOURCES}


def count_events_without_school(given: Sources, hour: datetime = HOUR) -> int:
    """The number of an hour's events without a school."""
    tables = with_all_sources(to_arrow(given))
    with DuckDBSession({table.name: rows for table, rows in tables.items()}) as duck:
        found = duck.query(
            without_school_statement({table.qualified_name for table in tables}), window(hour)
        )
    return int(found["events_without_school"][0].as_py())


def compute_hourly(
    facts: pa.Table, hour: datetime = HOUR, rates: Rates = NO_RATES
) -> list[dict[str, Any]]:
    """An hour's rows of dashboard_metrics_hourly, by school."""
    with DuckDBSession({ROLLUP_FACTS_HOURLY.name: facts}) as duck:
        rows = duck.query(hourly_statement(), hourly_parameters(hour, rates)).to_pylist()
    return sorted(rows, key=lambda row: row["school_id"])


def compute_totals(
    facts: pa.Table, first: datetime, end: datetime, rates: Rates = NO_RATES
) -> dict[str, dict[str, Any]]:
    """The totals of hours, by school."""
    with DuckDBSession({ROLLUP_FACTS_HOURLY.name: facts}) as duck:
        rows = duck.query(totals_statement(), totals_parameters(first, end, rates)).to_pylist()
    return {row.pop("school_id"): row for row in rows}


def compute_rows(
    given: Sources, hour: datetime = HOUR, rates: Rates = NO_RATES
) -> dict[str, dict[str, Any]]:
    """An hour's rows of dashboard_metrics_hourly from sources, by school."""
    return {
        row["school_id"]: row
        for row in compute_hourly(
            compute_facts(with_all_sources(to_arrow(given)), hour), hour, rates
        )
    }


def compute_facts_of_hours(given: Sources, hours: Sequence[datetime]) -> pa.Table:
    """The facts of several hours."""
    tables = with_all_sources(to_arrow(given))
    return pa.concat_tables([compute_facts(tables, hour) for hour in hours])


def hours_from(first: datetime, count: int) -> list[datetime]:
    return [first + timedelta(hours=number) for number in range(count)]


def sorted_facts(facts: pa.Table) -> list[Fact]:
    """The facts of a table in a fixed order, duplicates included."""
    columns = ("school_id", "source", "fact", "entity_id", "amount", "weight")
    return sort_facts(
        Fact(*values) for values in zip(*(facts[name].to_pylist() for name in columns), strict=True)
    )


def sort_facts(facts: Iterable[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda fact: (fact.school, fact.source, fact.name, fact.entity or ""))
