"""The tables that the rollup benchmark reads: one busy hour, and quieter days before it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from bench.rollup_hour import TIMES
from classwaves_schemas.tables import SOURCES, Table
from classwaves_warehouse.interface import Warehouse
from classwaves_warehouse.open import open_warehouse
from demo.sources import sources
from tests.support.sources import fill

HOUR: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
"""The busy hour."""
_ROWS_A_FILE = 50_000
# Sessions, groups, prompts and rows are other ones each day; schools, teachers and pupils come
# again.
_NUMBERED = "3d9f1c52(-5d0e-4d7e-000[3456]-)"


def build_hour(folder: str, schools: int, sessions: int) -> None:
    """Make all tables in an empty folder, and put the hour in, in which these sessions begin."""
    warehouse = open_warehouse(f"delta:{folder}")
    warehouse.tables.migrate()
    _put(warehouse, sources(0, HOUR, 1, schools, sessions, measured_groups=True))


def build_days(folder: str, first: int, last: int, schools: int, sessions: int) -> None:
    """Add days before the hour; day 1 is the one that ends as the hour begins.

    Args:
        folder: of the warehouse.
        first: the nearest day, which is put in last.
        last: the farthest one.
        schools: how many.
        sessions: that begin in each day.
    """
    warehouse = open_warehouse(f"delta:{folder}")
    for number in range(last, first - 1, -1):
        _put(warehouse, day(number, schools, sessions))


def day(number: int, schools: int, sessions: int) -> Mapping[str, pa.Table]:
    """Return the sources of a day by qualified name, with ids of no other day."""
    begins = HOUR - timedelta(days=number)
    found = sources(number, begins, 24, schools, sessions, measured_groups=True)
    return {name: _renumbered(rows, number) for name, rows in found.items()}


def _renumbered(rows: pa.Table, number: int) -> pa.Table:
    prefix = f"{number:08x}\\1"
    columns = [
        pc.replace_substring_regex(rows[field.name], _NUMBERED, prefix)
        if field.type == pa.string()
        else rows[field.name]
        for field in rows.schema
    ]
    return pa.table(columns, rows.schema)


def _put(warehouse: Warehouse, tables: Mapping[str, pa.Table]) -> None:
    """Add rows in time order, so each file holds a short time range, as after ingestion."""
    for table in SOURCES:
        rows = _in_order(table, tables[table.qualified_name])
        for start in range(0, max(1, len(rows)), _ROWS_A_FILE):
            fill(warehouse, table, rows.slice(start, _ROWS_A_FILE))


def _in_order(table: Table, rows: pa.Table) -> pa.Table:
    return rows.sort_by(TIMES[table]) if table in TIMES else rows
