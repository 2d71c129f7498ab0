"""Reads of tables at fixed versions: snapshots, and the pinned tables of the read side.

A reader is kept for as long as its process answers questions: what it has opened and read of a
table's metadata makes the next read fast.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import pyarrow as pa

from classwaves_schemas.tables import Table

MAX_ROWS: Final = 2_000_000
"""Facts of a month of a school of 2,500 facts an hour: about 300 MiB in memory."""

Value = str | int | float | bool | datetime
Parameters = Mapping[str, Value | None]
"""Named parameters of a query. A datetime is aware."""


@dataclass(frozen=True, slots=True)
class TimelineKey:
    """The place of an event in its session's timeline, which is ordered by these columns.

    Args:
        event_time: aware.
        source, sequence, id: of the event. NULL comes first.
    """

    event_time: datetime
    source: str | None
    sequence: int | None
    id: str


class Snapshot(Protocol):
    """Tables at one time. For one thread.

    Queries are in the Databricks dialect, with named parameters (`:hour`) and unqualified table
    names. Timestamps of answers are UTC, in microseconds.
    """

    @property
    def versions(self) -> Mapping[str, int]:
        """Qualified name → version. Tables that did not exist are left out."""
        ...

    def query(self, sql: str, parameters: Parameters) -> pa.Table:
        """Query the tables of the snapshot.

        Raises:
            WarehouseRefused: the statement is wrong.
            WarehouseUnavailable: try again.
        """
        ...


class PinnedTables(Snapshot, Protocol):
    """A snapshot that stays readable, with reads of their own for frequent questions.

    Raises, from every read:
        TableMissing: the table did not exist, or was not pinned. A query may raise
            WarehouseRefused instead.
        VersionGone: files of the version were deleted; pin again.
        WarehouseUnavailable: try again.
    """

    def timeline(self, session_id: str, limit: int, after: TimelineKey | None = None) -> pa.Table:
        """A session's rows of session_events, ordered as `TimelineKey`, NULLs first.

        Args:
            session_id: the session.
            limit: rows of the answer; ask for the rest with `after`.
            after: the last row that was read.
        """
        ...

    def hourly_rows(
        self, first: datetime, end: datetime, schools: Collection[str] | None = None
    ) -> pa.Table:
        """Rows of dashboard_metrics_hourly ordered by (metric_hour, school_id).

        Args:
            first: the first hour, aware.
            end: the hour after the last one, aware.
            schools: at most 100; None for all.

        Raises:
            AnswerTooLarge: the answer has more rows than the reader returns.
        """
        ...

    def facts(
        self, hours: Collection[datetime], schools: Collection[str] | None = None
    ) -> pa.Table:
        """Rows of rollup_facts_hourly ordered by (metric_hour, school_id).

        Args:
            hours: starts of hours, aware; at most 100 stretches of adjacent ones.
            schools: at most 100; None for all.

        Raises:
            AnswerTooLarge: the answer has more rows than the reader returns.
        """
        ...

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """These columns of the rows that changed between a version and the pinned one.

        As `RollupStore.added`, but without changes after the pinned version.
        """
        ...


class Reader(Protocol):
    """Pins tables. For one thread."""

    def pin(self, tables: Sequence[Table]) -> PinnedTables:
        """The latest version of each table, opened in the given order.

        Embedded tables stay readable at that version for one day, the retention of their files.

        Raises:
            WarehouseUnavailable: try again.
        """
        ...
