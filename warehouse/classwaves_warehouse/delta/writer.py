"""Writing one commit: appended rows with transactions, or the rows of one hour."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Final

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Transaction,
    WriterProperties,
    write_deltalake,
)

from classwaves_warehouse.batch import ROWS, table_order
from classwaves_warehouse.delta.log import HOUR, TOKEN

WITHOUT_CLEANUP: Final = PostCommitHookProperties(cleanup_expired_logs=False)
"""delta-rs would list the whole log after every commit, to delete expired entries; that takes more
time than the commit. Upkeep does it once an hour."""

_PROPERTIES: Final = WriterProperties(compression="ZSTD", max_row_group_size=131_072)

Write = Callable[[DeltaTable, pa.Table, Mapping[str, int], str], None]
"""The type of `write`."""

WriteHour = Callable[[DeltaTable, datetime, pa.Table, str], None]
"""The type of `write_hour`."""

_CHUNK_ROWS: Final = 8192


def write(handle: DeltaTable, rows: pa.Table, transactions: Mapping[str, int], token: str) -> None:
    """Append rows, in table order, and transactions in one commit.

    The handle moves to that commit or beyond. Columns that the contract does not have are NULL.

    Args:
        handle: of session_events.
        rows: to append, in any order; may be empty.
        transactions: app id → version.
        token: by which the writer recognizes the commit.
    """
    schema = pa.schema(handle.schema().to_arrow())
    write_deltalake(
        handle,
        pa.RecordBatchReader.from_batches(schema, _sorted_chunks(rows, schema)),
        mode="append",
        writer_properties=_PROPERTIES,
        post_commithook_properties=WITHOUT_CLEANUP,
        commit_properties=CommitProperties(
            custom_metadata={TOKEN: token},
            app_transactions=[
                Transaction(app_id, version) for app_id, version in transactions.items()
            ],
        ),
    )


def warm_up() -> None:
    """Commit once in memory: the first commit of a process takes up to 2 s."""
    write_deltalake(
        "memory:///warm-up", ROWS.empty_table(), mode="overwrite", writer_properties=_PROPERTIES
    )


def write_hour(handle: DeltaTable, hour: datetime, rows: pa.Table, token: str) -> None:
    """Replace the rows of an hour in one commit.

    Args:
        handle: of a table with a metric_hour.
        hour: start of the hour, aware.
        rows: all of this hour.
        token: by which the writer recognizes the commit.
    """
    write_deltalake(
        handle,
        _widened(rows, pa.schema(handle.schema().to_arrow())),
        mode="overwrite",
        predicate=_in_hour(hour),
        writer_properties=_PROPERTIES,
        post_commithook_properties=WITHOUT_CLEANUP,
        commit_properties=CommitProperties(custom_metadata={TOKEN: token, HOUR: hour.isoformat()}),
    )


def _in_hour(hour: datetime) -> str:
    # A plain TIMESTAMP literal has nanoseconds, which delta-rs cannot compare with the column.
    timestamp = """'Timestamp(Microsecond, Some("UTC"))'"""
    return f"metric_hour = arrow_cast('{hour.isoformat()}', {timestamp})"


def _widened(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """The rows with all columns of a schema, NULL where they have none."""
    known = set(rows.column_names)
    columns = [
        rows[field.name] if field.name in known else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _sorted_chunks(rows: pa.Table, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows in table order, without a sorted copy of the whole batch."""
    order = table_order(rows)
    for start in range(0, len(order), _CHUNK_ROWS):
        chunk = rows.take(pa.array(order[start : start + _CHUNK_ROWS]))
        yield from _widened(chunk, schema).to_batches()
