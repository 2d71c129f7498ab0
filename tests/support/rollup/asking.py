"""The rollup's statements, asked of tables in memory or of any warehouse."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from classwaves_rollup.formulas import (
    facts_statement,
    hourly_parameters,
    hourly_statement,
    totals_parameters,
    totals_statement,
    window,
    without_school_statement,
)
from classwaves_rollup.rates import Rates
from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY, SOURCES, Table
from classwaves_warehouse.conform import conform
from classwaves_warehouse.duck import Duck
from tests.support.rollup.rows import HOUR, Sources, arrow
from tests.support.rollup.totals import Fact

Query = Callable[[str, Mapping[str, Any]], pa.Table]
NO_RATES = Rates()


def facts_of(tables: Mapping[Table, pa.Table], hour: datetime = HOUR) -> pa.Table:
    """The facts of an hour, as rows of rollup_facts_hourly."""
    with Duck({table.name: rows for table, rows in tables.items()}) as duck:
        return asked_facts(duck.query, {table.qualified_name for table in tables}, hour)


def everywhere(tables: Mapping[Table, pa.Table]) -> dict[Table, pa.Table]:
    """The tables, and empty ones for the sources that are missing: one statement for all, translated once."""
    return {source: tables.get(source, arrow_schema(source).empty_table()) for source in SOURCES}


def asked_facts(query: Query, present: set[str], hour: datetime = HOUR) -> pa.Table:
    return conform(query(facts_statement(present), window(hour)), ROLLUP_FACTS_HOURLY)


def homeless(given: Sources, hour: datetime = HOUR) -> int:
    """How many events of an hour belong to no school."""
    tables = everywhere(arrow(given))
    with Duck({table.name: rows for table, rows in tables.items()}) as duck:
        found = duck.query(
            without_school_statement({table.qualified_name for table in tables}), window(hour)
        )
    return int(found["events_without_school"][0].as_py())


def hourly_of(
    facts: pa.Table, hour: datetime = HOUR, rates: Rates = NO_RATES
) -> list[dict[str, Any]]:
    """An hour's rows of dashboard_metrics_hourly, by school."""
    with Duck({ROLLUP_FACTS_HOURLY.name: facts}) as duck:
        rows = duck.query(hourly_statement(), hourly_parameters(hour, rates)).to_pylist()
    return sorted(rows, key=lambda row: row["school_id"])


def totals_of(
    facts: pa.Table, first: datetime, end: datetime, rates: Rates = NO_RATES
) -> dict[str, dict[str, Any]]:
    """What hours come to, by school."""
    with Duck({ROLLUP_FACTS_HOURLY.name: facts}) as duck:
        rows = duck.query(totals_statement(), totals_parameters(first, end, rates)).to_pylist()
    return {row.pop("school_id"): row for row in rows}


def rolled(
    given: Sources, hour: datetime = HOUR, rates: Rates = NO_RATES
) -> dict[str, dict[str, Any]]:
    """An hour's rows by school, straight from sources."""
    return {
        row["school_id"]: row
        for row in hourly_of(facts_of(everywhere(arrow(given)), hour), hour, rates)
    }


def several(given: Sources, hours: Sequence[datetime]) -> pa.Table:
    """The facts of several hours."""
    tables = everywhere(arrow(given))
    return pa.concat_tables([facts_of(tables, hour) for hour in hours])


def hours_from(first: datetime, count: int) -> list[datetime]:
    return [first + timedelta(hours=number) for number in range(count)]


def listed(facts: pa.Table) -> list[Fact]:
    """Facts in one order, each as often as it is in the table."""
    columns = ("school_id", "source", "fact", "entity_id", "amount", "weight")
    return in_order(
        Fact(*values) for values in zip(*(facts[name].to_pylist() for name in columns), strict=True)
    )


def in_order(facts: Iterable[Fact]) -> list[Fact]:
    return sorted(facts, key=lambda fact: (fact.school, fact.source, fact.name, fact.entity or ""))
