"""Columns made many rows at a time, and tables of them."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import Column, ColumnType, Table

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MINUTE: Final = 60_000_000
"""In microseconds, as all times here are."""

_NEUTRAL: Final[Mapping[ColumnType, Any]] = {
    ColumnType.STRING: "",
    ColumnType.INT: 0,
    ColumnType.TIMESTAMP: 0,
    ColumnType.BOOLEAN: True,
    ColumnType.SCORE: 0,
}
_SCATTER: Final = np.uint64(0x9E3779B97F4A7C15)


def ids(kind: int, numbers: Ints) -> pa.Array:
    """UUIDs by number; those of different kinds differ."""
    return pc.binary_join_element_wise(f"3d9f1c52-5d0e-4d7e-{kind:04d}-", padded(numbers, 12), "")


def pseudonyms(numbers: Ints) -> pa.Array:
    """Pupils' pseudonyms by number, as scattered as real ones."""
    scattered = (numbers.astype(np.uint64) + np.uint64(1)) * _SCATTER
    return pc.binary_join_element_wise(
        "p1_", pc.utf8_lpad(pa.array(scattered).cast(pa.string()), 32, "0"), ""
    )


def padded(numbers: Ints, width: int) -> pa.Array:
    """Numbers as texts of one width."""
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")


def but_null(values: pa.Array, missing: Flags) -> pa.Array:
    """The values, with NULL where they are missing."""
    return pc.if_else(pa.array(missing), pa.scalar(None, values.type), values)


def scores(rng: np.random.Generator, size: int, low: float, high: float) -> Floats:
    """Random numbers of two digits after the point."""
    return np.round(rng.uniform(low, high, size), 2)


def table(declared: Table, rows: int, columns: Mapping[str, Any]) -> tuple[str, pa.Table]:
    """A table by its qualified name. Columns that are not given are NULL, or neutral where NULL is not allowed."""
    schema = arrow_schema(declared)
    arrays = [
        _array(column, columns, rows, schema.field(column.name).type) for column in declared.columns
    ]
    return declared.qualified_name, pa.Table.from_arrays(arrays, schema=schema)


def _array(column: Column, columns: Mapping[str, Any], rows: int, kind: pa.DataType) -> pa.Array:
    if column.name not in columns:
        value = None if column.nullable else _NEUTRAL[column.type]
        return (
            pa.repeat(pa.scalar(value, kind), rows) if value is not None else pa.nulls(rows, kind)
        )
    given = columns[column.name]
    array = given if isinstance(given, pa.Array | pa.ChunkedArray) else pa.array(given)
    return array.cast(kind, safe=False) if array.type != kind else array
