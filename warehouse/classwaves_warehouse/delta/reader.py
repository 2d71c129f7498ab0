"""Reading pinned tables through one DuckDB that is kept, from only the files that a read needs.

A read takes the files whose statistics in the log fit its condition. Of these DuckDB reads the row
groups whose statistics and Bloom filters fit. Upkeep sorts files by session or by school and gives
them Bloom filters.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
from deltalake import DeltaTable

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import Table
from classwaves_warehouse.delta.changed_rows import changed_rows
from classwaves_warehouse.delta.dataset import DeltaDataset, local_folder
from classwaves_warehouse.delta.log import Log
from classwaves_warehouse.delta.tables import LatestTable, Root
from classwaves_warehouse.duckdb_session import DuckDBSession, ParquetFiles, Rows
from classwaves_warehouse.errors import TableMissing, VersionGone, WarehouseUnavailable
from classwaves_warehouse.pinned_reads import PinnedReads, Read
from classwaves_warehouse.reading import Parameters


@dataclass(frozen=True, slots=True)
class PinnedTable:
    """The files of a table at one version.

    Args:
        version: the version.
        files: that it has.
        log: of the table.
    """

    version: int
    files: DeltaDataset
    log: Log

    @classmethod
    def of(cls, handle: DeltaTable, table: Table) -> Self:
        """The handle's present version; the handle may be updated afterwards."""
        return cls(handle.version(), DeltaDataset.of(handle, arrow_schema(table)), Log(handle))

    def rows(self, paths: Sequence[str]) -> Rows:
        """The rows of some of its files.

        DuckDB reads only local files by itself; Arrow reads those of an object store for it.
        """
        folder = local_folder(self.files.filesystem)
        if folder is None:
            return self.files.only({path: {} for path in paths})
        return ParquetFiles([str(folder / path) for path in paths], self.files.schema)

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """These columns of the rows that changed between a version and this one."""
        try:
            return changed_rows(
                table, self.log, self.files, columns, since=since, until=self.version
            )
        except WarehouseUnavailable as error:
            self.check_files_exist(table, self.files.files(), error)
            raise

    def check_files_exist(self, table: Table, paths: Sequence[str], cause: Exception) -> None:
        """Look for deleted files after a read failed.

        Raises:
            VersionGone: one of these files was deleted.
        """
        missing = self.files.missing(paths)
        if missing:
            raise VersionGone(
                f"{table.qualified_name}: version {self.version} can no longer be read: its file "
                f"{missing[0]} was deleted. Files that are no longer live are kept for one day."
            ) from cause


class DeltaReader:
    """The `Reader` below a root.

    Args:
        root: of the tables.
        session: used by this reader alone.
        max_rows: of an answer with hours.
    """

    def __init__(self, root: Root, session: DuckDBSession, max_rows: int) -> None:
        self._root = root
        self._session = session
        self._max_rows = max_rows
        self._latest: dict[Table, LatestTable] = {}
        self._pinned: dict[Table, PinnedTable] = {}

    @classmethod
    @contextmanager
    def open(cls, root: Root, max_rows: int) -> Iterator[Self]:
        """A reader with a DuckDB of its own, until the context ends."""
        with DuckDBSession() as session:
            yield cls(root, session, max_rows)

    def pin(self, tables: Sequence[Table]) -> PinnedReads:
        """The latest version of each table, opened in the given order."""
        pinned = {table: found for table in tables if (found := self._pin(table)) is not None}
        return PinnedReads(
            {table.qualified_name: each.version for table, each in pinned.items()},
            lambda read: self._run(read, pinned[read.table]),
            lambda sql, parameters: _query(sql, parameters, pinned),
            lambda table, since, columns: pinned[table].added(table, since, columns),
            self._max_rows,
        )

    def _pin(self, table: Table) -> PinnedTable | None:
        try:
            handle = self._latest.setdefault(table, LatestTable(self._root, table)).handle()
        except TableMissing:
            return None
        pinned = self._pinned.get(table)
        if pinned is None or pinned.version != handle.version():
            pinned = self._pinned[table] = PinnedTable.of(handle, table)
        return pinned

    def _run(self, read: Read, pinned: PinnedTable) -> pa.Table:
        paths = pinned.files.files(read.condition)
        try:
            self._session.define(read.table.name, pinned.rows(paths))
            return self._session.query(read.sql, read.parameters)
        except WarehouseUnavailable as error:
            pinned.check_files_exist(read.table, paths, error)
            raise


def _query(sql: str, parameters: Parameters, pinned: Mapping[Table, PinnedTable]) -> pa.Table:
    """Query pinned tables.

    The session is not that of the reads: it would also know tables of earlier questions.
    """
    read = {table: each for table, each in pinned.items() if table.name in sql}
    try:
        with DuckDBSession({table.name: each.files for table, each in read.items()}) as session:
            return session.query(sql, parameters)
    except WarehouseUnavailable as error:
        for table, each in read.items():
            each.check_files_exist(table, each.files.files(), error)
        raise
