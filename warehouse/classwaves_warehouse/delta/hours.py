"""The rollup's reading and writing on Delta tables."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import pyarrow as pa
from deltalake import DeltaTable

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import ROLLUP_RUNS, SESSION_EVENTS, Table
from classwaves_warehouse.checkpoint import stored_until
from classwaves_warehouse.conform import conform
from classwaves_warehouse.delta.app_ids import AppIds
from classwaves_warehouse.delta.backoff import Backoff
from classwaves_warehouse.delta.changes import changed
from classwaves_warehouse.delta.clustering import maintain
from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.delta.replacement import Replacement
from classwaves_warehouse.delta.root import Root
from classwaves_warehouse.delta.snapshot import DeltaSnapshot
from classwaves_warehouse.delta.tail import LogTail
from classwaves_warehouse.errors import TableMissing, WarehouseUnavailable
from classwaves_warehouse.hours import Parameters, Snapshot
from classwaves_warehouse.run_row import as_rows, check_run, hour_of, of_hour
from classwaves_warehouse.stream import Stream


class DeltaHours:
    """The `Hours` below a root.

    Args:
        root: of the tables.
        backoff: how long a write goes on trying.
    """

    def __init__(self, root: Root, backoff: Backoff) -> None:
        self._root = root
        self._backoff = backoff
        self._tail: tuple[DeltaTable, LogTail] | None = None

    @contextmanager
    def snapshot(self, tables: Sequence[Table]) -> Iterator[DeltaSnapshot]:
        """The latest version of each table, all to be read while the context lasts."""
        with DeltaSnapshot.of(self._handles(tables)) as snapshot:
            yield snapshot

    def replace(
        self, table: Table, hour: datetime, sql: str, parameters: Parameters, read: Snapshot
    ) -> int:
        """Put what a query of a snapshot gives in the place of a table's rows of an hour, in one commit."""
        if not isinstance(read, DeltaSnapshot):
            raise TypeError(f"{read!r} is no snapshot of this warehouse")
        held = read.held(table)
        rows = conform(read.query(sql, parameters), table)
        Replacement(held.handle, held.version, self._backoff).put(hour, rows)
        return int(rows.num_rows)

    def upsert_run(self, row: Mapping[str, object], expected_run: str | None) -> None:
        """Write an hour's row of rollup_runs in place of the one it has."""
        hour = hour_of(row)
        handle = self._root.open(ROLLUP_RUNS)
        held = DeltaDataset.of(handle, arrow_schema(ROLLUP_RUNS)).rows(["run_id"], of_hour(hour))
        check_run(held, hour, expected_run)
        Replacement(handle, handle.version(), self._backoff).put(hour, as_rows(row))

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """Rows that came, changed or went since a version of a table."""
        return changed(self._root.open(table), table, since, columns)

    def stored_until(self, group: str, topic: str) -> Mapping[int, datetime | None]:
        """By partition, the broker time up to which it is stored."""
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
        known = tail.transactions
        topic_ids = AppIds(Stream(group, topic, "")).incarnations(known)
        return stored_until(
            AppIds(Stream(group, topic, topic_id)).decode(known) for topic_id in topic_ids
        )

    def maintain(self, tables: Sequence[Table]) -> None:
        """Compact tables that have a metric_hour."""
        for table in tables:
            maintain(self._root.open(table), table)

    def _handles(self, tables: Sequence[Table]) -> Mapping[Table, DeltaTable]:
        found = {}
        for table in tables:
            try:
                found[table] = self._root.open(table)
            except TableMissing:
                continue
        return found
