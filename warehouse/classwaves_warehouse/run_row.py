"""An hour's row of rollup_runs."""

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import ROLLUP_RUNS
from classwaves_warehouse.conform import conform
from classwaves_warehouse.errors import ConcurrentWrite


def hour_of(row: Mapping[str, object]) -> datetime:
    """The hour that a row is about.

    Raises:
        ValueError: it has none, or one without a zone.
    """
    hour = row.get("metric_hour")
    if not isinstance(hour, datetime) or hour.tzinfo is None:
        raise ValueError(f"metric_hour is {hour!r}, not an aware datetime")
    return hour


def as_rows(row: Mapping[str, object]) -> pa.Table:
    """The row as the table has it.

    Raises:
        TableMismatch: a column is NULL that must not be.
    """
    return conform(pa.Table.from_pylist([dict(row)], schema=arrow_schema(ROLLUP_RUNS)), ROLLUP_RUNS)


def of_hour(hour: datetime) -> pc.Expression:
    """The filter for rows of an hour."""
    return pc.field("metric_hour") == pa.scalar(hour, pa.timestamp("us", tz="UTC"))


def check_run(found: pa.Table, hour: datetime, expected: str | None) -> None:
    """Hold the rows of an hour to the run that should be theirs.

    Raises:
        ConcurrentWrite: they have another.
    """
    run = found["run_id"][0].as_py() if found.num_rows else None
    if run != expected:
        raise ConcurrentWrite(
            f"{ROLLUP_RUNS.qualified_name}: {hour.isoformat()} is with run {run}, and not with {expected}."
        )
