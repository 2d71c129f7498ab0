"""The tables as Arrow schemas; the only module of the contracts that needs pyarrow."""

import pyarrow as pa

from classwaves_schemas.tables import ColumnType, Table

_TYPES = {
    ColumnType.STRING: pa.string(),
    ColumnType.INT: pa.int32(),
    ColumnType.BIGINT: pa.int64(),
    ColumnType.DOUBLE: pa.float64(),
    ColumnType.TIMESTAMP: pa.timestamp("us", tz="UTC"),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.SCORE: pa.decimal128(5, 2),
    ColumnType.SHARE: pa.decimal128(5, 4),
    ColumnType.SECONDS: pa.decimal128(10, 2),
    ColumnType.MEASURE: pa.decimal128(10, 4),
    ColumnType.TAGS: pa.map_(pa.string(), pa.string()),
}


def arrow_schema(table: Table) -> pa.Schema:
    """The Arrow schema of a table; each field's metadata has the column's comment."""
    return pa.schema(
        [
            pa.field(
                column.name,
                _TYPES[column.type],
                nullable=column.nullable,
                metadata={"comment": column.comment},
            )
            for column in table.columns
        ]
    )
