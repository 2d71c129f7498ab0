"""Writing one commit: rows in one file, transactions and the writer's token beside them."""

from collections.abc import Iterator, Mapping

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake

from classwaves_warehouse.batch import ROWS
from classwaves_warehouse.delta.log import ATTEMPT
from classwaves_warehouse.order import table_order

_PROPERTIES = WriterProperties(compression="ZSTD", max_row_group_size=131_072)
_PIECE = 8192  # rows that are handed to the writer at a time


def write(
    handle: DeltaTable, rows: pa.Table, transactions: Mapping[str, int], attempt: str
) -> None:
    """Append rows, in the table's order, and transactions in one commit; moves the handle to that commit or beyond.

    A table may have columns that the contract does not know: they are NULL in our rows.
    """
    schema = pa.schema(handle.schema().to_arrow())
    write_deltalake(
        handle,
        pa.RecordBatchReader.from_batches(schema, _pieces(rows, schema)),
        mode="append",
        writer_properties=_PROPERTIES,
        commit_properties=CommitProperties(
            custom_metadata={ATTEMPT: attempt},
            app_transactions=[
                Transaction(app_id, version) for app_id, version in transactions.items()
            ],
        ),
    )


def warm_up() -> None:
    """Pay for a process's first commit (0.9 to 2.0 s when several start together) before it counts, in memory."""
    write_deltalake(
        "memory:///warm-up", ROWS.empty_table(), mode="overwrite", writer_properties=_PROPERTIES
    )


def _pieces(rows: pa.Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows in order, a piece at a time: a sorted copy of a large batch would be as large again."""
    order = table_order(rows)
    for start in range(0, len(order), _PIECE):
        yield from widened(rows.take(pa.array(order[start : start + _PIECE])), schema).to_batches()


def widened(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with all columns of a schema, NULL where they have none."""
    known = set(rows.column_names)
    columns = [
        rows[field.name] if field.name in known else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
