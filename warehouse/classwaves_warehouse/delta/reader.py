"""Reading pinned tables through one DuckDB that is kept, from only the files that a read needs.

A read takes the files whose statistics in the log fit its condition. Of these DuckDB reads the row
groups whose statistics and Bloom filters fit. Upkeep sorts files by session or by school and gives
them Bloom filters.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
from deltalake import DeltaTable

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import Table
from classwaves_warehouse.delta.dataset import DeltaDataset, local_folder
from classwaves_warehouse.delta.tables import LatestTable, Root
from classwaves_warehouse.duckdb_session import DuckDBSession, ParquetFiles, Rows
from classwaves_warehouse.errors import TableMissing, VersionGone, WarehouseUnavailable
from classwaves_warehouse.pinned_reads import PinnedReads, Read


@dataclass(frozen=True, slots=True)
class PinnedTable:
    """The files of a table at one version.

    Args:
        version: the version.
        files: that it has.
    """

    version: int
    files: DeltaDataset

    @classmethod
    def of(cls, handle: DeltaTable, table: Table) -> Self:
        """The handle's present version; the handle may be updated afterwards."""
        return cls(handle.version(), DeltaDataset.of(handle, arrow_schema(table)))

    def rows(self, paths: Sequence[str]) -> Rows:
        """The rows of some of its files.

        DuckDB reads only local files by itself; Arrow reads those of an object store for it.
        """
        folder = local_folder(self.files.filesystem)
        if folder is None:
            return self.files.only({path: {} for path in paths})
        return ParquetFiles([str(folder / path) for path in paths], self.files.schema)


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
            missing = pinned.files.missing(paths)
            if not missing:
                raise
            raise VersionGone(
                f"{read.table.qualified_name}: version {pinned.version} can no longer be read: "
                f"its file {missing[0]} was deleted. Files that are no longer live are kept for "
                "one day."
            ) from error
