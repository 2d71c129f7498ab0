"""What the write path and the read side ask of a warehouse.

The write path sees a `Ledger`: rows, positions and counters that move in one atomic commit. The read side sees
`Events`, the rollup `Hours`. People who set a warehouse up see `Tables`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.hours import Hours
from classwaves_warehouse.stream import Stream

Positions = Mapping[int, int | None]
"""Partition → next offset to read; None for a partition that has never been committed."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The commit landed, now or (an ambiguous commit, looked up) before.

    Args:
        rows: rows of the batch that are stored from their own offsets.
        duplicates: by partition, rows left out because their identity was stored already or came earlier in the batch.
        conflicting: by partition, those of the duplicates whose event_time or payload differed.
        attempts: commits that were tried, 1 when nobody interfered.
    """

    rows: int
    duplicates: Mapping[int, int] = field(default_factory=dict)
    conflicting: Mapping[int, int] = field(default_factory=dict)
    attempts: int = 1


@dataclass(frozen=True, slots=True)
class Fenced:
    """No position was moved: these are not the expected ones. Another owner is at work on them.

    No row was stored either, with one exception where rows and positions are two statements: if the position moved
    between them, rows are in the table, once, and the new owner finds and counts them as its own.

    Args:
        positions: where each moved partition stands in the table; partitions that stand as expected are left out.
    """

    positions: Positions


class Ledger(Protocol):
    """One stream's rows, positions and counters. One thread owns it; it is not safe to share."""

    def checkpoints(self) -> Mapping[int, Checkpoint]:
        """The latest checkpoint of every partition that has one, read from the table now.

        Raises:
            TopicRecreated: the positions in the table were made for another incarnation of the topic.
            WarehouseUnavailable: try again.
        """
        ...

    def append(
        self, batch: Batch, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced:
        """Store the rows that are not stored yet, and move positions and counters, so that both happen or neither.

        Where the warehouse has one commit for both, they happen at once; otherwise rows come first, and count for
        nothing until the positions move.

        Args:
            batch: rows in their order of arrival; identities may repeat, the first one wins. May be empty.
            expected: for each partition of `progress`, the position that this owner last wrote or loaded.
            progress: what the commit adds to each partition.

        Calling again with the same arguments after an error is safe: a commit that had landed is found and answered
        with `Stored`. Rows are written sorted by (session_id, event_time, source, sequence, id).

        Raises:
            WarehouseUnavailable: nothing is known to be stored; call again with the same arguments.
        """
        ...

    def accept_topic(self) -> None:
        """Record that this incarnation of the topic is the one to read from now on."""
        ...


@dataclass(frozen=True, slots=True)
class PartitionRows:
    """What the table holds of one partition: rows, distinct offsets among them, and the lowest and highest offset."""

    rows: int
    offsets: int
    lowest: int
    highest: int


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table's version, live files and their bytes, rows, and log entries since the last checkpoint of its log."""

    version: int
    files: int
    bytes: int
    rows: int
    log_entries: int


class Events(Protocol):
    """Reading session_events. Each call sees the latest version; objects may be used from any one thread."""

    def timeline(self, session_id: str) -> pa.Table:
        """A session's rows in their one order: (event_time, source, sequence, id), NULLs first."""
        ...

    def partition_rows(self, stream: Stream) -> Mapping[int, PartitionRows]:
        """By partition, what is stored of this stream's topic."""
        ...

    def offsets(self, stream: Stream, partition: int, start: int, end: int) -> Sequence[int]:
        """The distinct stored offsets of [start, end) of one partition, ascending."""
        ...

    def repeated(self, limit: int) -> tuple[int, Sequence[tuple[str, str]]]:
        """How many rows the table holds beyond one for each identity, and up to `limit` such (session_id, id)."""
        ...

    def known(self, identities: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these (session_id, id) are stored."""
        ...

    def size(self) -> TableSize:
        """How large session_events is."""
        ...


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference between a table and its contract, as a sentence that names table and column."""

    table: str
    column: str | None
    problem: str

    def __str__(self) -> str:
        where = self.table if self.column is None else f"{self.table}.{self.column}"
        return f"{where}: {self.problem}"


class Tables(Protocol):
    """Setting tables up."""

    def check(self) -> Sequence[Mismatch]:
        """Every difference between the tables and their contracts; columns that we do not know are no difference."""
        ...

    def migrate(self) -> Sequence[str]:
        """Create missing tables, add missing nullable columns; say what was done.

        Raises:
            TableMismatch: a difference that adding cannot mend, naming table and column.
        """
        ...


class Warehouse(Protocol):
    """A place where the tables live."""

    @property
    def tables(self) -> Tables:
        """Set-up."""
        ...

    @property
    def events(self) -> Events:
        """Reading."""
        ...

    def ledger(self, stream: Stream) -> Ledger:
        """Writing, for the thread that asks.

        Raises, now or from the ledger's first call:
            TableMissing, TableMismatch: session_events is not there or not as its contract says.
        """
        ...

    def hours(self) -> Hours:
        """The rollup's reading and writing, for the thread that asks."""
        ...
