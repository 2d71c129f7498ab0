"""Rows on their way into a statement: one JSON parameter, and the stretches of time where repeats may be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import pyarrow as pa

from classwaves_schemas.tables import SESSION_EVENTS, Column, ColumnType
from classwaves_warehouse.batch import Batch
from classwaves_warehouse.databricks.reach import Stretch, reach

_MOST_BYTES: Final = 8 * 1024 * 1024
"""Of JSON in one statement: half of what Databricks documents as the longest statement."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """The rows of one statement, and where the repeats of its whole batch may be."""

    count: int
    text: str
    stretches: Sequence[Stretch]


def parcels(batch: Batch) -> Iterator[Parcel]:
    """A batch in as few parcels as its bytes allow; none if it is empty."""
    lines = [msgspec.json.encode(row) for row in _columns_as_json(batch.rows).to_pylist()]
    if not lines:
        return
    stretches = reach(batch.rows.column("event_time").cast(pa.int64()).to_numpy())
    start, held = 0, 0
    for place, line in enumerate(lines):
        if held and held + len(line) > _MOST_BYTES:
            yield _parcel(lines[start:place], stretches)
            start, held = place, 0
        held += len(line) + 1
    yield _parcel(lines[start:], stretches)


def json_type(column: Column) -> str:
    """The type under which a parcel's JSON is parsed: a time travels as microseconds, which no format can bend."""
    return ColumnType.BIGINT if column.type is ColumnType.TIMESTAMP else column.type


def _parcel(lines: Sequence[bytes], stretches: Sequence[Stretch]) -> Parcel:
    return Parcel(len(lines), (b"[" + b",".join(lines) + b"]").decode(), stretches)


def _columns_as_json(rows: pa.Table) -> pa.Table:
    columns = [
        rows[each.name].cast(pa.int64()) if each.type is ColumnType.TIMESTAMP else rows[each.name]
        for each in SESSION_EVENTS.columns
    ]
    return pa.table(columns, names=list(SESSION_EVENTS.column_names))
