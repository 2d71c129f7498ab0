"""The rollup's reading and writing in memory."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Literal

import pyarrow as pa

from classwaves_schemas.tables import ROLLUP_RUNS, Table
from classwaves_warehouse.conform import conform
from classwaves_warehouse.difference import difference
from classwaves_warehouse.duck import Duck
from classwaves_warehouse.errors import TableMissing
from classwaves_warehouse.hours import Parameters, Snapshot
from classwaves_warehouse.run_row import as_rows, check_run, hour_of, of_hour
from classwaves_warehouse.shelf import Shelf

StoredUntil = Callable[[str, str], Mapping[int, datetime | None]]


class MemorySnapshot:
    """The `Snapshot` of a memory warehouse."""

    def __init__(self, versions: Mapping[str, int], duck: Duck) -> None:
        self.versions = versions
        self._duck = duck

    def query(self, sql: str, parameters: Parameters) -> pa.Table:
        """Ask the tables that were there."""
        return self._duck.query(sql, parameters)


class MemoryHours:
    """The `Hours` of a memory warehouse.

    Args:
        shelf: the tables.
        stored_until: by group and topic.
        on_commit: called before and after each commit.
    """

    def __init__(
        self,
        shelf: Shelf,
        stored_until: StoredUntil,
        on_commit: Callable[[Literal["before", "after"]], None],
    ) -> None:
        self._shelf = shelf
        self._stored_until = stored_until
        self._on_commit = on_commit

    @contextmanager
    def snapshot(self, tables: Sequence[Table]) -> Iterator[MemorySnapshot]:
        """The latest version of each table."""
        found = {
            table: version
            for table in tables
            if (version := self._shelf.version(table)) is not None
        }
        versions = {table.qualified_name: version for table, version in found.items()}
        with Duck(
            {table.name: self._shelf.rows(table, version) for table, version in found.items()}
        ) as duck:
            yield MemorySnapshot(versions, duck)

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """Rows that came, changed or went since a version of a table."""
        latest = self._shelf.version(table) or 0
        return difference(self._shelf.rows(table, latest), self._shelf.rows(table, since), columns)

    def replace(
        self, table: Table, hour: datetime, sql: str, parameters: Parameters, read: Snapshot
    ) -> int:
        """Put what a query of a snapshot gives in the place of a table's rows of an hour."""
        version = read.versions.get(table.qualified_name)
        if version is None:
            raise TableMissing(f"{table.qualified_name} does not exist.")
        rows = conform(read.query(sql, parameters), table)
        self._commit(table, hour, rows, since=version)
        return int(rows.num_rows)

    def upsert_run(self, row: Mapping[str, object], expected_run: str | None) -> None:
        """Write an hour's row of rollup_runs in place of the one it has."""
        hour = hour_of(row)
        version = self._shelf.version(ROLLUP_RUNS) or 0
        check_run(self._shelf.rows(ROLLUP_RUNS, version).filter(of_hour(hour)), hour, expected_run)
        self._commit(ROLLUP_RUNS, hour, as_rows(row), since=version)

    def stored_until(self, group: str, topic: str) -> Mapping[int, datetime | None]:
        """By partition, the broker time up to which it is stored."""
        return self._stored_until(group, topic)

    def maintain(self, tables: Sequence[Table]) -> None:
        """Nothing lies in pieces here."""

    def _commit(self, table: Table, hour: datetime, rows: pa.Table, since: int) -> None:
        self._on_commit("before")
        self._shelf.replace(table, hour, rows, since)
        self._on_commit("after")
