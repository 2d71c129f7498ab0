"""Rows of the rollup's tables: cast to a contract, compared, and selected by hour."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import ROLLUP_RUNS, Table
from classwaves_warehouse.duckdb_session import DuckDBSession
from classwaves_warehouse.errors import ConcurrentWrite, TableMismatch

_SYMMETRIC_DIFFERENCE = """
SELECT {columns} FROM (SELECT * FROM added EXCEPT ALL SELECT * FROM removed)
UNION ALL
SELECT {columns} FROM (SELECT * FROM removed EXCEPT ALL SELECT * FROM added)
"""


def cast_to_table(rows: pa.Table, table: Table) -> pa.Table:
    """Rows with the columns of a table, selected by name, in its order and types.

    Raises:
        TableMismatch: a column is missing, does not fit its type, or has a NULL that the table
            does not allow.
    """
    schema = arrow_schema(table)
    try:
        return rows.select(schema.names).cast(schema.with_metadata(None))
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise TableMismatch(f"The rows do not fit {table.qualified_name}: {error}") from error


def diff_rows(
    added: pa.Table | ds.Dataset, removed: pa.Table | ds.Dataset, columns: Sequence[str]
) -> pa.Table:
    """These columns of the rows that are in only one of two tables."""
    with DuckDBSession({"added": added, "removed": removed}) as session:
        return session.query(_SYMMETRIC_DIFFERENCE.format(columns=", ".join(columns)), {})


def in_hour(hour: datetime) -> pc.Expression:
    """The filter for an hour's rows."""
    return pc.field("metric_hour") == pa.scalar(hour, pa.timestamp("us", tz="UTC"))


def hour_of(row: Mapping[str, object]) -> datetime:
    """The hour of a row of rollup_runs.

    Raises:
        ValueError: metric_hour is missing or has no time zone.
    """
    hour = row.get("metric_hour")
    if not isinstance(hour, datetime) or hour.tzinfo is None:
        raise ValueError(f"metric_hour is {hour!r}, not an aware datetime")
    return hour


def run_rows(row: Mapping[str, object]) -> pa.Table:
    """A row of rollup_runs as a table of one row.

    Raises:
        TableMismatch: a column is NULL that the table does not allow.
    """
    schema = arrow_schema(ROLLUP_RUNS)
    return cast_to_table(pa.Table.from_pylist([dict(row)], schema=schema), ROLLUP_RUNS)


def check_run(rows: pa.Table, hour: datetime, expected_run: str | None) -> None:
    """Compare the run of an hour with the expected one.

    Args:
        rows: the hour's rows of rollup_runs, at most one.
        hour: its start.
        expected_run: run_id of that row; None for no row.

    Raises:
        ConcurrentWrite: the run is another one.
    """
    run = rows["run_id"][0].as_py() if rows.num_rows else None
    if run != expected_run:
        raise ConcurrentWrite(
            f"{ROLLUP_RUNS.qualified_name}: hour {hour.isoformat()} has run {run}, expected "
            f"{expected_run}."
        )
