"""Tables in memory, in all their versions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from threading import Lock

import pyarrow as pa

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import Table
from classwaves_warehouse.errors import ConcurrentWrite
from classwaves_warehouse.run_row import of_hour


class Shelf:
    """Tables by their names, safe between threads.

    Args:
        tables: those that are there from the beginning, empty.
    """

    def __init__(self, tables: Iterable[Table]) -> None:
        self._lock = Lock()
        self._versions = {table: [arrow_schema(table).empty_table()] for table in tables}
        self._written: dict[tuple[Table, datetime], int] = {}

    def version(self, table: Table) -> int | None:
        """The latest version, or None if there is no such table."""
        versions = self._versions.get(table)
        return None if versions is None else len(versions) - 1

    def rows(self, table: Table, version: int) -> pa.Table:
        """What a table was at a version."""
        return self._versions[table][version]

    def sizes(self, table: Table) -> Sequence[int]:
        """Rows of each version."""
        return [len(rows) for rows in self._versions[table]]

    def add(self, table: Table, rows: pa.Table) -> None:
        """Add rows to a table, which is made if it is not there."""
        with self._lock:
            versions = self._versions.setdefault(table, [])
            versions.append(pa.concat_tables([*versions[-1:], rows]))

    def replace(self, table: Table, hour: datetime, rows: pa.Table, since: int) -> None:
        """Put rows in the place of those of an hour.

        Raises:
            ConcurrentWrite: the hour was replaced after this version.
        """
        with self._lock:
            if self._written.get((table, hour), -1) > since:
                raise ConcurrentWrite(
                    f"{table.qualified_name}: somebody else wrote {hour.isoformat()} meanwhile."
                )
            versions = self._versions[table]
            kept = versions[-1].filter(~of_hour(hour))
            versions.append(pa.concat_tables([kept, rows]))
            self._written[table, hour] = len(versions) - 1
