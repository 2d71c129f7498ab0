"""What the read side asks of a warehouse: tables pinned to one version, and bounded reads of them.

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


class PinnedTables(Protocol):
    """Tables at the versions that they had at one moment. For one thread.

    Raises, from every read:
        TableMissing: the table did not exist, or was not pinned.
        VersionGone: files of the version were deleted; pin again.
        WarehouseUnavailable: try again.
    """

    @property
    def versions(self) -> Mapping[str, int]:
        """Qualified name → version. Tables that did not exist are left out."""
        ...

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


class Reader(Protocol):
    """Pins tables. For one thread."""

    def pin(self, tables: Sequence[Table]) -> PinnedTables:
        """The latest version of each table, opened in the given order.

        Embedded tables stay readable at that version for one day, the retention of their files.

        Raises:
            WarehouseUnavailable: try again.
        """
        ...
