"""Conversion between Thrift's values and Spark's: parameters to literals, results to Arrow."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal

import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import ttypes
from pyarrow import types
from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

from local.databricks.errors import UnsupportedParameter


def _literal(parse: Callable[[str], object], template: str) -> Callable[[str], Column]:
    """Bind a value as a literal, since Spark binds no casts; `parse` rejects any other SQL."""

    def bind(text: str) -> Column:
        parse(text)
        return F.expr(template.format(text))

    return bind


_SCALARS: dict[str, Callable[[str], Column]] = {
    "STRING": F.lit,
    "BOOLEAN": lambda text: F.lit(text.lower() == "true"),
    "TINYINT": _literal(int, "{}Y"),
    "SMALLINT": _literal(int, "{}S"),
    "INT": _literal(int, "{}"),
    "BIGINT": _literal(int, "{}L"),
    "FLOAT": _literal(float, "{}F"),
    "DOUBLE": lambda text: F.lit(float(text)),
    "DECIMAL": _literal(Decimal, "{}BD"),
    "DATE": _literal(date.fromisoformat, "DATE '{}'"),
    "TIMESTAMP": _literal(datetime.fromisoformat, "TIMESTAMP '{}'"),
    "TIMESTAMP_NTZ": _literal(datetime.fromisoformat, "TIMESTAMP_NTZ '{}'"),
}

_THRIFT_TYPES: tuple[tuple[Callable[[pa.DataType], bool], int], ...] = (
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


def bind_parameters(
    parameters: Iterable[ttypes.TSparkParameter] | None,
) -> dict[str, Column] | list[Column]:
    """The arguments of `SparkSession.sql`: by name if the parameters have names, else a list.

    Raises:
        UnsupportedParameter: the type is a MAP, a STRUCT or another that is not supported.
    """
    bound = [
        (each.name, _column(each.type, each.value and each.value.stringValue, each.arguments))
        for each in parameters or ()
    ]
    if any(name for name, _ in bound):
        return dict(bound)
    return [column for _, column in bound]


def _column(
    type_: str, text: str | None, elements: list[ttypes.TSparkParameterValueArg] | None
) -> Column:
    name = re.split(r"[(<]", type_)[0].upper()
    if name == "ARRAY":
        return F.array(*(_column(each.type, each.value, each.arguments) for each in elements or ()))
    if name == "VOID" or text is None:
        return F.lit(None)
    if name not in _SCALARS:
        raise UnsupportedParameter(
            f"The endpoint supports no parameter of type {type_}: pass it as a STRING of JSON."
        )
    return _SCALARS[name](text)


class ResultRows:
    """The result of a statement, read once from start to end.

    Args:
        table: all of its rows.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table
        self._next = 0

    @property
    def modified(self) -> int | None:
        """Number of rows that a MERGE, UPDATE or DELETE changed; None for other statements."""
        if "num_affected_rows" not in self._table.column_names or self._table.num_rows != 1:
            return None
        return int(self._table["num_affected_rows"][0].as_py())

    @property
    def has_more(self) -> bool:
        """Whether rows are left to read."""
        return bool(self._next < self._table.num_rows)

    def metadata(self) -> ttypes.TGetResultSetMetadataResp:
        """The columns as Hive types and as an Arrow schema."""
        columns = [
            _column_description(position, field)
            for position, field in enumerate(self._table.schema, start=1)
        ]
        return ttypes.TGetResultSetMetadataResp(
            status=ttypes.TStatus(ttypes.TStatusCode.SUCCESS_STATUS),
            schema=ttypes.TTableSchema(columns),
            resultFormat=ttypes.TSparkRowSetType.ARROW_BASED_SET,
            lz4Compressed=False,
            arrowSchema=self._table.schema.serialize().to_pybytes(),
        )

    def read(self, max_rows: int, max_bytes: int | None) -> ttypes.TRowSet:
        """The next rows: at most `max_rows` and about `max_bytes`, but at least one if any."""
        count = max_rows
        if max_bytes and self._table.nbytes > max_bytes:
            count = min(count, max(1, max_bytes * self._table.num_rows // self._table.nbytes))
        batches = self._table.slice(self._next, count).to_batches()
        row_set = ttypes.TRowSet(
            startRowOffset=self._next,
            rows=[],
            arrowBatches=[
                ttypes.TSparkArrowBatch(each.serialize().to_pybytes(), each.num_rows)
                for each in batches
            ],
        )
        self._next += sum(each.num_rows for each in batches)
        return row_set


def _column_description(position: int, field: pa.Field) -> ttypes.TColumnDesc:
    matching = (number for is_type, number in _THRIFT_TYPES if is_type(field.type))
    entry = ttypes.TPrimitiveTypeEntry(next(matching, ttypes.TTypeId.STRING_TYPE))
    if types.is_decimal(field.type):
        qualifiers = {"precision": field.type.precision, "scale": field.type.scale}
        entry.typeQualifiers = ttypes.TTypeQualifiers(
            {name: ttypes.TTypeQualifierValue(i32Value=value) for name, value in qualifiers.items()}
        )
    return ttypes.TColumnDesc(
        field.name, ttypes.TTypeDesc([ttypes.TTypeEntry(primitiveEntry=entry)]), position
    )
