"""Tables in memory, in all their versions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from threading import Lock

import pyarrow as pa

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import Table
from classwaves_warehouse.errors import ConcurrentWrite
from classwaves_warehouse.interface import Mismatch
from classwaves_warehouse.rollup_rows import in_hour


class VersionedTables:
    """Rows of each table by version; safe between threads.

    Args:
        tables: those that exist from the start, empty.
    """

    def __init__(self, tables: Iterable[Table]) -> None:
        self._lock = Lock()
        self._versions = {table: [arrow_schema(table).empty_table()] for table in tables}
        self._replaced_at: dict[tuple[Table, datetime], int] = {}

    def version(self, table: Table) -> int | None:
        """The latest version; None if the table does not exist."""
        versions = self._versions.get(table)
        return None if versions is None else len(versions) - 1

    def rows(self, table: Table, version: int) -> pa.Table:
        """The rows of a table at a version."""
        return self._versions[table][version]

    def sizes(self, table: Table) -> Sequence[int]:
        """The number of rows of each version."""
        return [len(rows) for rows in self._versions[table]]

    def add(self, table: Table, rows: pa.Table) -> None:
        """Add rows to a table; create it if it does not exist."""
        with self._lock:
            versions = self._versions.setdefault(table, [])
            versions.append(pa.concat_tables([*versions[-1:], rows]))

    def replace(self, table: Table, hour: datetime, rows: pa.Table, since: int) -> None:
        """Replace a table's rows of an hour.

        Raises:
            ConcurrentWrite: the hour was replaced after version `since`.
        """
        with self._lock:
            if self._replaced_at.get((table, hour), -1) > since:
                raise ConcurrentWrite(
                    f"{table.qualified_name}: another writer replaced hour {hour.isoformat()}."
                )
            versions = self._versions[table]
            others = versions[-1].filter(~in_hour(hour))
            versions.append(pa.concat_tables([others, rows]))
            self._replaced_at[table, hour] = len(versions) - 1


class MemoryTables:
    """The `Tables` of a memory warehouse, which always equal their contracts."""

    def check(self) -> Sequence[Mismatch]:
        """No difference."""
        return []

    def migrate(self) -> Sequence[str]:
        """No change."""
        return []
