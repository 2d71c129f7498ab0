"""What the write path, the rollup and the read side ask of a warehouse.

The write path uses a `Ledger`: rows, positions and counters change in one atomic commit. Its proof
uses `Events`, the read side a `Reader`, the rollup a `RollupStore`, and set-up commands use
`Tables`. `Upkeep` keeps the number of files and log entries small.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from classwaves_schemas.tables import Table
from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.offset_sums import NO_OFFSETS, OffsetSums
from classwaves_warehouse.reading import MAX_ROWS, Parameters, Reader, Snapshot

Positions = Mapping[int, int | None]
"""Partition → next offset to read; None for a partition that was never committed."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The key of a ledger: one consumer group that reads one topic.

    Args:
        group: the consumer group.
        topic: name of the topic, for messages.
        topic_id: id that the broker gave the topic when it was created. A topic that is deleted
            and created again has another id, so its ledger never uses the old positions.
    """

    group: str
    topic: str
    topic_id: str


@dataclass(frozen=True, slots=True)
class DedupLoad:
    """The load of a ledger's dedup index.

    Args:
        identities: that the index has.
        memory_bytes, disk_bytes: that they take; sidecars in the table's folder are not counted.
        table_reads: how often it read hours from the table since the ledger was opened. If this
            grows with each batch, the hours of a batch have more identities than the index may.
    """

    identities: int
    memory_bytes: int
    disk_bytes: int
    table_reads: int


@dataclass(frozen=True, slots=True)
class Stored:
    """The commit landed, in this call or in an earlier one that ended with an error.

    Args:
        rows: rows of the batch that are stored from their own offsets.
        duplicates: by partition, rows left out because their identity was already stored or
            occurred earlier in the batch.
        conflicting: by partition, the duplicates with another event_time or payload.
        attempts: commits tried; 1 without interference.
        dedup: the load of the dedup index; None if the warehouse deduplicates by itself.
    """

    rows: int
    duplicates: Mapping[int, int] = field(default_factory=dict)
    conflicting: Mapping[int, int] = field(default_factory=dict)
    attempts: int = 1
    dedup: DedupLoad | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Fenced:
    """No position was changed, because another owner has changed some of them.

    No row was stored either, with one exception where rows and positions are two statements: if a
    position changed between them, the rows are in the table, once, and the new owner finds and
    counts them as its own.

    Args:
        positions: stored position of each partition that differs from the expected one.
    """

    positions: Positions


class Ledger(Protocol):
    """One stream's rows, positions and counters. For one thread."""

    def checkpoints(self) -> Mapping[int, Checkpoint]:
        """The checkpoint of every partition that has one, read from the table now.

        Raises:
            TopicRecreated: the positions in the table belong to another topic id.
            WarehouseUnavailable: try again.
        """
        ...

    def prepare(self, around: datetime) -> None:
        """Read in advance what appends of rows of this time need.

        A consumer prepares before it owns partitions, so that none of them waits for it.

        Args:
            around: usually now; aware.

        Raises:
            WarehouseUnavailable: the first append reads it.
        """
        ...

    def append(
        self, batch: Batch, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced:
        """Store the batch's new rows, and advance positions and counters, atomically.

        A warehouse that cannot commit both at once stores the rows first; they count for nothing
        until the positions advance. Rows are written sorted by
        (session_id, event_time, source, sequence, id).

        After an error, call again with the same arguments: a commit that landed is found and
        answered with `Stored`.

        Args:
            batch: rows in their order of arrival; may be empty. Of repeated identities the first
                one is stored.
            expected: for each partition of `progress`, the position that this owner last wrote or
                loaded.
            progress: what the commit adds to each partition.

        Raises:
            WarehouseUnavailable: whether the commit landed is unknown; call again.
        """
        ...

    def accept_topic(self) -> None:
        """Record that this topic id is the one to read from now on."""
        ...

    def acknowledge_expired(self, offsets: Mapping[int, int]) -> None:
        """Record how many expired offsets of each partition an operator knows of. Fences nobody.

        Args:
            offsets: by partition, all expired offsets so far; the partitions have checkpoints.

        Raises:
            WarehouseUnavailable: call again.
        """
        ...


@dataclass(frozen=True, slots=True)
class PartitionRows:
    """Stored rows of one partition that its checkpoint covers.

    Args:
        rows: their offsets, each as often as it is stored. The sums begin at `summed_from`.
        distinct: the number of distinct offsets.
    """

    rows: OffsetSums = NO_OFFSETS
    distinct: int = 0


@dataclass(frozen=True, slots=True)
class TableSize:
    """Version, live files and their bytes, rows, and log entries since the last checkpoint."""

    version: int
    files: int
    bytes: int
    rows: int
    log_entries: int


class Events(Protocol):
    """What proves session_events complete. Each call sees the latest version.

    For one thread, any one.
    """

    def partition_rows(
        self, stream: Stream, checkpoints: Mapping[int, Checkpoint]
    ) -> Mapping[int, PartitionRows]:
        """The rows of this stream's topic that these checkpoints cover, by partition with rows."""
        ...

    def offsets(self, stream: Stream, partition: int, start: int, end: int) -> Sequence[int]:
        """The distinct stored offsets of a partition in [start, end), ascending."""
        ...

    def repeated(self, limit: int) -> tuple[int, Sequence[tuple[str, str]]]:
        """The number of rows beyond one for each identity, and up to `limit` such identities.

        An identity is (session_id, id).
        """
        ...

    def known(self, identities: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these (session_id, id) are stored."""
        ...

    def size(self) -> TableSize:
        """The size of session_events."""
        ...


class RollupStore(Protocol):
    """The rollup's reads and writes: snapshots of the sources, and hours replaced as a whole.

    For one thread; open one store for each.
    """

    def snapshot(self, tables: Sequence[Table]) -> AbstractContextManager[Snapshot]:
        """The latest version of each table, readable while the context lasts.

        Tables are opened in the given order. A warehouse that cannot pin a version may show later
        ones to later queries; then `versions` has versions that no query is older than.
        """
        ...

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """These columns of the rows that were added, changed or removed since a version.

        A changed row is returned in its old and its new form. The answer may have more rows than
        that, never fewer. Compaction changes no row.

        Raises:
            VersionGone: the version can no longer be read.
            WarehouseUnavailable: try again.
        """
        ...

    def replace(
        self, table: Table, hour: datetime, sql: str, parameters: Parameters, read: Snapshot
    ) -> int:
        """Replace a table's rows of an hour by the answer of a query, in one commit.

        Args:
            table: one with a column metric_hour.
            hour: start of the hour, aware.
            sql: returns the table's columns by name, for this hour only.
            parameters: of the query.
            read: from `snapshot`, of the query's sources *and* of this table.

        Returns:
            The number of rows written.

        Raises:
            ConcurrentWrite: another writer changed that hour after the snapshot. Nothing was
                replaced; take another snapshot and repeat.
            ReplacedTooLate: the same, detected after our commit: the other writer's rows may be
                lost.
            TableMissing: the table was not in the snapshot.
            TableMismatch: the rows do not fit the table.
            WarehouseUnavailable: whether the hour was replaced is unknown; repeat.
        """
        ...

    def upsert_run(self, row: Mapping[str, object], expected_run: str | None) -> None:
        """Write an hour's row of rollup_runs, in place of its present one.

        Args:
            row: values by column, at least metric_hour and run_id.
            expected_run: run_id of the hour's present row; None if the hour has no row.

        Raises:
            ConcurrentWrite: the hour has another run. Nothing was written.
            WarehouseUnavailable: whether the row was written is unknown; read it.
        """
        ...

    def ingested_through(self, group: str, topic: str) -> Mapping[int, datetime | None]:
        """The broker time through which each partition of the latest topic id is ingested.

        Partitions without a checkpoint are left out. The answer is empty if nothing was stored
        for this group and topic, or if session_events does not exist.
        """
        ...


@dataclass(frozen=True, slots=True)
class TableUpkeep:
    """What one pass of upkeep did to one table.

    Args:
        table: qualified name.
        files_before: live files when the pass began; None where the warehouse does not tell.
        files_after: live files when it ended.
        groups: groups of files that were rewritten as one file each.
        rows: rows of the rewritten files.
        bytes: size of the new files.
        lost: groups that were left as they are, because another writer touched the table's files.
        vacuumed: files deleted that no version within the retention has.
        log_entries: expired log entries deleted.
        unfinished: whether the pass ended at its limit, so that the next one has work at once.
    """

    table: str
    files_before: int | None = None
    files_after: int | None = None
    groups: int = 0
    rows: int = 0
    bytes: int = 0
    lost: int = 0
    vacuumed: int = 0
    log_entries: int = 0
    unfinished: bool = False


class Upkeep(Protocol):
    """Keeps tables fast to read and to commit to. For one thread; safe beside every other writer.

    No row is added, removed or changed, and positions and counters stay.
    """

    def run_once(self) -> Sequence[TableUpkeep]:
        """Do one bounded pass over the tables that exist; a report for each.

        Raises:
            WarehouseUnavailable: try again; what was done stays done.
            WarehouseRefused: a table cannot be rewritten.
        """
        ...


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference between a table and its contract; its text names table and column."""

    table: str
    column: str | None
    problem: str

    def __str__(self) -> str:
        where = self.table if self.column is None else f"{self.table}.{self.column}"
        return f"{where}: {self.problem}"


class Tables(Protocol):
    """Setting tables up."""

    def check(self) -> Sequence[Mismatch]:
        """Every difference between the tables and their contracts; more columns are allowed."""
        ...

    def migrate(self) -> Sequence[str]:
        """Create missing tables and add missing nullable columns.

        Returns:
            A sentence for each change.

        Raises:
            TableMismatch: a difference that remains; the message names table and column.
        """
        ...


class Warehouse(Protocol):
    """The tables of one address."""

    @property
    def tables(self) -> Tables:
        """Setting tables up."""
        ...

    @property
    def events(self) -> Events:
        """What proves session_events complete."""
        ...

    def reader(self, max_rows: int = MAX_ROWS) -> AbstractContextManager[Reader]:
        """A reader for the calling thread, until the context ends.

        Args:
            max_rows: the most rows of an answer with hours.
        """
        ...

    def ledger(self, stream: Stream) -> Ledger:
        """A ledger for the calling thread.

        Raises, here or from the ledger's first call:
            TableMissing, TableMismatch: session_events is missing or differs from its contract.
        """
        ...

    def rollup(self) -> RollupStore:
        """A rollup store for the calling thread."""
        ...

    def upkeep(self) -> Upkeep:
        """Upkeep of the tables, for the calling thread."""
        ...
