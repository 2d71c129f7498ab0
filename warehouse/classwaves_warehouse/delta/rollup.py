"""The rollup store on Delta tables."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import pyarrow as pa
from deltalake import DeltaTable

from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import ROLLUP_RUNS, SESSION_EVENTS, Table
from classwaves_warehouse.checkpoint import ingested_through
from classwaves_warehouse.delta.app_ids import AppIds
from classwaves_warehouse.delta.changed_rows import changed_rows
from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.delta.hour_replacer import HourReplacer
from classwaves_warehouse.delta.log import Log, LogTail
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.writer import WriteHour, write_hour
from classwaves_warehouse.duckdb_session import DuckDBSession
from classwaves_warehouse.errors import TableMissing, WarehouseUnavailable
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.reading import Parameters, Snapshot
from classwaves_warehouse.rollup_rows import (
    cast_to_table,
    check_run,
    hour_of,
    in_hour,
    run_rows,
)


@dataclass(frozen=True, slots=True)
class TableVersion:
    """A table's handle, and its version in a snapshot. The handle may move on."""

    handle: DeltaTable
    version: int


class DeltaSnapshot:
    """The `Snapshot` of a root."""

    def __init__(self, tables: Mapping[Table, TableVersion], session: DuckDBSession) -> None:
        self._tables = tables
        self._session = session
        self.versions = {table.qualified_name: each.version for table, each in tables.items()}

    @classmethod
    @contextmanager
    def of(cls, handles: Mapping[Table, DeltaTable]) -> Iterator[Self]:
        """The present versions of these handles."""
        tables = {
            table: TableVersion(handle, handle.version()) for table, handle in handles.items()
        }
        datasets = {
            table.name: DeltaDataset.of(handle, arrow_schema(table))
            for table, handle in handles.items()
        }
        with DuckDBSession(datasets) as session:
            yield cls(tables, session)

    def query(self, sql: str, parameters: Parameters) -> pa.Table:
        """Query the tables of the snapshot."""
        return self._session.query(sql, parameters)

    def table(self, table: Table) -> TableVersion:
        """A table of the snapshot.

        Raises:
            TableMissing: the table did not exist.
        """
        if table not in self._tables:
            raise TableMissing(
                f"{table.qualified_name} does not exist. Run `ingestor tables migrate`."
            )
        return self._tables[table]


class DeltaRollupStore:
    """The `RollupStore` below a root.

    Args:
        root: of the tables.
        retry: of each write.
        write: commits the rows of an hour.
    """

    def __init__(self, root: Root, retry: RetryPolicy, write: WriteHour = write_hour) -> None:
        self._root = root
        self._retry = retry
        self._write = write
        self._tail: tuple[DeltaTable, LogTail] | None = None

    @contextmanager
    def snapshot(self, tables: Sequence[Table]) -> Iterator[DeltaSnapshot]:
        """The latest version of each table, readable while the context lasts."""
        with DeltaSnapshot.of(self._handles(tables)) as snapshot:
            yield snapshot

    def replace(
        self, table: Table, hour: datetime, sql: str, parameters: Parameters, read: Snapshot
    ) -> int:
        """Replace a table's rows of an hour by the answer of a query, in one commit."""
        if not isinstance(read, DeltaSnapshot):
            raise TypeError(f"{read!r} is not a snapshot of this warehouse")
        found = read.table(table)
        rows = cast_to_table(read.query(sql, parameters), table)
        HourReplacer(found.handle, found.version, self._retry, self._write).replace(hour, rows)
        return int(rows.num_rows)

    def upsert_run(self, row: Mapping[str, object], expected_run: str | None) -> None:
        """Write an hour's row of rollup_runs, in place of its present one."""
        hour = hour_of(row)
        handle = self._root.open(ROLLUP_RUNS)
        dataset = DeltaDataset.of(handle, arrow_schema(ROLLUP_RUNS))
        check_run(dataset.rows(["run_id"], in_hour(hour)), hour, expected_run)
        replacer = HourReplacer(handle, handle.version(), self._retry, self._write)
        replacer.replace(hour, run_rows(row))

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """Columns of the rows that were added, changed or removed since a version."""
        handle = self._root.open(table)
        dataset = DeltaDataset.of(handle, arrow_schema(table))
        return changed_rows(
            table, Log(handle), dataset, columns, since=since, until=handle.version()
        )

    def ingested_through(self, group: str, topic: str) -> Mapping[int, datetime | None]:
        """The broker time through which each partition is ingested."""
        if self._tail is None:
            try:
                handle = self._root.open(SESSION_EVENTS)
            except TableMissing:
                return {}
            self._tail = handle, LogTail(handle)
        handle, tail = self._tail
        try:
            handle.update_incremental()
            tail.catch_up()
        except Exception as error:
            raise WarehouseUnavailable(f"{handle.table_uri} cannot be read: {error}") from error
        transactions = tail.transactions
        topic_ids = AppIds(Stream(group, topic, "")).topic_ids(transactions)
        return ingested_through(
            AppIds(Stream(group, topic, topic_id)).decode(transactions) for topic_id in topic_ids
        )

    def _handles(self, tables: Sequence[Table]) -> Mapping[Table, DeltaTable]:
        found = {}
        for table in tables:
            try:
                found[table] = self._root.open(table)
            except TableMissing:
                continue
        return found
