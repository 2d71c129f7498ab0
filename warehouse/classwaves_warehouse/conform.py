"""Answers of queries as the rows of a table."""

import pyarrow as pa

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import Table
from classwaves_warehouse.errors import TableMismatch


def conform(answer: pa.Table, table: Table) -> pa.Table:
    """The rows of an answer as the table has them: its columns, by name, in its order and types.

    Raises:
        TableMismatch: a column is missing, does not fit its type, or is NULL where the table allows none.
    """
    schema = arrow_schema(table)
    try:
        return answer.select(schema.names).cast(schema.with_metadata(None))
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise TableMismatch(f"The rows do not fit {table.qualified_name}: {error}") from error
