"""The rollup store in memory."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

import pyarrow as pa

from classwaves_schemas.tables import ROLLUP_RUNS, Table
from classwaves_warehouse.duckdb_session import DuckDBSession
from classwaves_warehouse.errors import TableMissing
from classwaves_warehouse.memory.state import MemoryState
from classwaves_warehouse.reading import Parameters, Snapshot
from classwaves_warehouse.rollup_rows import (
    cast_to_table,
    check_run,
    diff_rows,
    hour_of,
    in_hour,
    run_rows,
)


class MemorySnapshot:
    """The `Snapshot` of a memory warehouse."""

    def __init__(self, versions: Mapping[str, int], session: DuckDBSession) -> None:
        self.versions = versions
        self._session = session

    def query(self, sql: str, parameters: Parameters) -> pa.Table:
        """Query the tables of the snapshot."""
        return self._session.query(sql, parameters)


class MemoryRollupStore:
    """The `RollupStore` of a memory warehouse."""

    def __init__(self, state: MemoryState) -> None:
        self._state = state
        self._tables = state.tables

    @contextmanager
    def snapshot(self, tables: Sequence[Table]) -> Iterator[MemorySnapshot]:
        """The latest version of each table."""
        found = {
            table: version
            for table in tables
            if (version := self._tables.version(table)) is not None
        }
        versions = {table.qualified_name: version for table, version in found.items()}
        rows = {table.name: self._tables.rows(table, version) for table, version in found.items()}
        with DuckDBSession(rows) as session:
            yield MemorySnapshot(versions, session)

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """Columns of the rows that were added, changed or removed since a version."""
        latest = self._tables.version(table) or 0
        return diff_rows(self._tables.rows(table, latest), self._tables.rows(table, since), columns)

    def replace(
        self, table: Table, hour: datetime, sql: str, parameters: Parameters, read: Snapshot
    ) -> int:
        """Replace a table's rows of an hour by the answer of a query."""
        version = read.versions.get(table.qualified_name)
        if version is None:
            raise TableMissing(f"{table.qualified_name} does not exist.")
        rows = cast_to_table(read.query(sql, parameters), table)
        self._commit(table, hour, rows, since=version)
        return int(rows.num_rows)

    def upsert_run(self, row: Mapping[str, object], expected_run: str | None) -> None:
        """Write an hour's row of rollup_runs, in place of its present one."""
        hour = hour_of(row)
        version = self._tables.version(ROLLUP_RUNS) or 0
        present = self._tables.rows(ROLLUP_RUNS, version).filter(in_hour(hour))
        check_run(present, hour, expected_run)
        self._commit(ROLLUP_RUNS, hour, run_rows(row), since=version)

    def ingested_through(self, group: str, topic: str) -> Mapping[int, datetime | None]:
        """The broker time through which each partition is ingested."""
        return self._state.ingested_through(group, topic)

    def _commit(self, table: Table, hour: datetime, rows: pa.Table, since: int) -> None:
        self._state.on_commit("before")
        self._tables.replace(table, hour, rows, since)
        self._state.on_commit("after")
