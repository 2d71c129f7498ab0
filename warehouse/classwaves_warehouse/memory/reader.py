"""Reading pinned tables in memory."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self

import pyarrow as pa

from classwaves_schemas.tables import Table
from classwaves_warehouse.duckdb_session import DuckDBSession
from classwaves_warehouse.memory.tables import VersionedTables
from classwaves_warehouse.pinned_reads import PinnedReads, Read
from classwaves_warehouse.reading import Parameters
from classwaves_warehouse.rollup_rows import diff_rows


class MemoryReader:
    """The `Reader` of a memory warehouse."""

    def __init__(self, tables: VersionedTables, session: DuckDBSession, max_rows: int) -> None:
        self._tables = tables
        self._session = session
        self._max_rows = max_rows

    @classmethod
    @contextmanager
    def open(cls, tables: VersionedTables, max_rows: int) -> Iterator[Self]:
        """A reader, until the context ends."""
        with DuckDBSession() as session:
            yield cls(tables, session, max_rows)

    def pin(self, tables: Sequence[Table]) -> PinnedReads:
        """The latest version of each table."""
        found = {table: self._tables.version(table) for table in tables}
        versions = {
            table.qualified_name: version for table, version in found.items() if version is not None
        }

        def run(read: Read) -> pa.Table:
            rows = self._tables.rows(read.table, versions[read.table.qualified_name])
            self._session.define(read.table.name, rows)
            return self._session.query(read.sql, read.parameters)

        def query(sql: str, parameters: Parameters) -> pa.Table:
            rows = {
                table.name: self._tables.rows(table, version)
                for table, version in found.items()
                if version is not None
            }
            with DuckDBSession(rows) as session:
                return session.query(sql, parameters)

        def added(table: Table, since: int, columns: Sequence[str]) -> pa.Table:
            pinned = self._tables.rows(table, versions[table.qualified_name])
            return diff_rows(pinned, self._tables.rows(table, since), columns)

        return PinnedReads(versions, run, query, added, self._max_rows)
