"""A result in the shapes of the protocol: its schema, and its rows as Arrow batches."""

from collections.abc import Callable

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes
from pyarrow import types

_TYPES: tuple[tuple[Callable[[pa.DataType], bool], int], ...] = (
    (types.is_null, ttypes.TTypeId.NULL_TYPE),
    (types.is_boolean, ttypes.TTypeId.BOOLEAN_TYPE),
    (types.is_int8, ttypes.TTypeId.TINYINT_TYPE),
    (types.is_int16, ttypes.TTypeId.SMALLINT_TYPE),
    (types.is_int32, ttypes.TTypeId.INT_TYPE),
    (types.is_int64, ttypes.TTypeId.BIGINT_TYPE),
    (types.is_float32, ttypes.TTypeId.FLOAT_TYPE),
    (types.is_float64, ttypes.TTypeId.DOUBLE_TYPE),
    (types.is_decimal, ttypes.TTypeId.DECIMAL_TYPE),
    (types.is_date, ttypes.TTypeId.DATE_TYPE),
    (types.is_timestamp, ttypes.TTypeId.TIMESTAMP_TYPE),
    (types.is_binary, ttypes.TTypeId.BINARY_TYPE),
    (types.is_list, ttypes.TTypeId.ARRAY_TYPE),
    (types.is_map, ttypes.TTypeId.MAP_TYPE),
    (types.is_struct, ttypes.TTypeId.STRUCT_TYPE),
)


class Rows:
    """A statement's result, read once from its start to its end."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._next = 0

    @property
    def modified(self) -> int | None:
        """How many rows a statement changed, if Spark says so: MERGE, UPDATE and DELETE do, INSERT does not."""
        if "num_affected_rows" not in self._table.column_names or self._table.num_rows != 1:
            return None
        return int(self._table["num_affected_rows"][0].as_py())

    @property
    def more(self) -> bool:
        """Whether rows are left to read."""
        return bool(self._next < self._table.num_rows)

    def metadata(self) -> ttypes.TGetResultSetMetadataResp:
        """The result's columns, as Hive and as Arrow name them."""
        columns = [_column(place, field) for place, field in enumerate(self._table.schema, start=1)]
        return ttypes.TGetResultSetMetadataResp(
            status=ttypes.TStatus(ttypes.TStatusCode.SUCCESS_STATUS),
            schema=ttypes.TTableSchema(columns),
            resultFormat=ttypes.TSparkRowSetType.ARROW_BASED_SET,
            lz4Compressed=False,
            arrowSchema=self._table.schema.serialize().to_pybytes(),
        )

    def read(self, max_rows: int, max_bytes: int | None) -> ttypes.TRowSet:
        """The next rows: at most `max_rows`, and about `max_bytes` bytes, but at least one row if any is left."""
        rows = max_rows
        if max_bytes and self._table.nbytes > max_bytes:
            rows = min(rows, max(1, max_bytes * self._table.num_rows // self._table.nbytes))
        batches = self._table.slice(self._next, rows).to_batches()
        read = ttypes.TRowSet(
            startRowOffset=self._next,
            rows=[],
            arrowBatches=[
                ttypes.TSparkArrowBatch(each.serialize().to_pybytes(), each.num_rows)
                for each in batches
            ],
        )
        self._next += sum(each.num_rows for each in batches)
        return read


def _column(place: int, field: pa.Field) -> ttypes.TColumnDesc:
    matching = (number for is_type, number in _TYPES if is_type(field.type))
    entry = ttypes.TPrimitiveTypeEntry(next(matching, ttypes.TTypeId.STRING_TYPE))
    if types.is_decimal(field.type):
        digits = {"precision": field.type.precision, "scale": field.type.scale}
        values = {
            name: ttypes.TTypeQualifierValue(i32Value=value) for name, value in digits.items()
        }
        entry.typeQualifiers = ttypes.TTypeQualifiers(values)
    return ttypes.TColumnDesc(
        field.name, ttypes.TTypeDesc([ttypes.TTypeEntry(primitiveEntry=entry)]), place
    )
