"""What the rollup asks of a warehouse: sources as they are at one time, and hours that are replaced as a whole.

Queries are in the Databricks dialect, with named parameters (`:hour`) and unqualified table names; a warehouse of
another dialect translates them.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from classwaves_schemas.tables import Table

Value = str | int | float | bool | datetime
Parameters = Mapping[str, Value | None]
"""A datetime is aware. Timestamps of answers are UTC, to the microsecond."""


class Snapshot(Protocol):
    """Tables as they were at one time. For one thread."""

    @property
    def versions(self) -> Mapping[str, int]:
        """Qualified name → version, of the tables that were there; the others are left out."""
        ...

    def query(self, sql: str, parameters: Parameters) -> pa.Table:
        """Ask the tables that were there.

        Raises:
            WarehouseRefused: the statement is wrong.
            WarehouseUnavailable: try again.
        """
        ...


class Hours(Protocol):
    """The rollup's reading and writing. For one thread; open one for each."""

    def snapshot(self, tables: Sequence[Table]) -> AbstractContextManager[Snapshot]:
        """The latest version of each table, taken in their order, all to be read while the context lasts.

        Where the warehouse cannot hold a version for us, a later query may see a later one; `versions` then tells
        versions that are not later than what any query sees.
        """
        ...

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """These columns of the rows that came, changed (as they were, and as they are) or went since a version.

        It may be more than that, never less. Compaction alone is no change.

        Raises:
            VersionGone: the older version can be read no longer.
            WarehouseUnavailable: try again.
        """
        ...

    def replace(
        self, table: Table, hour: datetime, sql: str, parameters: Parameters, read: Snapshot
    ) -> int:
        """Put what a query of a snapshot gives in the place of a table's rows of an hour, in one commit; say how many.

        Args:
            table: one that has a column metric_hour.
            hour: aware, the start of an hour.
            sql: gives the table's columns by name, for this hour alone.
            parameters: of the query.
            read: from `snapshot`, taken of the sources *and* of this table.

        Raises:
            ConcurrentWrite: somebody wrote that hour of the table after the snapshot. Take another snapshot, and redo
                it. Nothing was replaced.
            ReplacedTooLate: the same, but a warehouse of statements may have found it out too late: then what
                somebody wrote is gone.
            TableMissing: the table was not there.
            TableMismatch: the rows do not fit the table.
            WarehouseUnavailable: whether it was replaced is not known; redo it.
        """
        ...

    def upsert_run(self, row: Mapping[str, object], expected_run: str | None) -> None:
        """Write an hour's row of rollup_runs in place of the one it has.

        Args:
            row: by column; metric_hour and run_id among them.
            expected_run: the run_id that the hour's row has now; None if there is no row.

        Raises:
            ConcurrentWrite: another run had to do with the hour meanwhile; nothing was written.
            WarehouseUnavailable: whether it was written is not known; read it.
        """
        ...

    def stored_until(self, group: str, topic: str) -> Mapping[int, datetime | None]:
        """By partition of the topic's latest incarnation, the broker time up to which it is stored.

        Empty while nothing was ever stored for this group and topic, or there is no session_events. Partitions that
        nothing was ever stored of are not known.
        """
        ...

    def maintain(self, tables: Sequence[Table]) -> None:
        """Compact tables that have a metric_hour, clustered by (school_id, metric_hour) where they have both."""
        ...
