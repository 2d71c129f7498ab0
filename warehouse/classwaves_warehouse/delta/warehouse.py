"""The warehouse of Delta tables."""

from contextlib import AbstractContextManager

from classwaves_runtime.clock import Clock, SystemClock
from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.delta.compaction.file_groups import CompactionPolicy
from classwaves_warehouse.delta.dedup.index import DedupIndex
from classwaves_warehouse.delta.events import DeltaEvents
from classwaves_warehouse.delta.ledger import DeltaLedger
from classwaves_warehouse.delta.reader import DeltaReader
from classwaves_warehouse.delta.rollup import DeltaRollupStore
from classwaves_warehouse.delta.tables import DeltaTables, Root
from classwaves_warehouse.delta.upkeep import DeltaUpkeep
from classwaves_warehouse.delta.writer import Write, WriteHour, warm_up, write, write_hour
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.reading import MAX_ROWS
from classwaves_warehouse.settings import DedupLimits

_RETRY = RetryPolicy(attempts=10, first=0.02, longest=2.0)
"""Pauses for about 5 s at most. Callers that can stop in between wait longer."""

_SWAP_RETRY = RetryPolicy(attempts=200, first=0.005, longest=0.05)
"""A swap needs a moment without another commit: many short pauses, for about 5 s."""


class DeltaWarehouse:
    """Delta tables below a root, for this process. delta-rs does not survive a fork: use spawn.

    Args:
        root: folder or object-store URL.
        dedup: limits of each ledger's dedup index; by default its own.
        retry: of each write.
        write: commits rows and transactions.
        write_hour: commits the rows of an hour.
        compaction: limits of upkeep.
        clock: gives upkeep the age of files.
    """

    def __init__(
        self,
        root: str,
        *,
        dedup: DedupLimits | None = None,
        retry: RetryPolicy = _RETRY,
        write: Write = write,
        write_hour: WriteHour = write_hour,
        compaction: CompactionPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._root = Root(root)
        self._dedup = dedup or DedupLimits()
        self._retry = retry
        self._write = write
        self._write_hour = write_hour
        self._compaction = compaction or CompactionPolicy()
        self._clock = clock or SystemClock()
        self.tables = DeltaTables(self._root)
        self.events = DeltaEvents(self._root)

    def reader(self, max_rows: int = MAX_ROWS) -> AbstractContextManager[DeltaReader]:
        """A reader for the calling thread, until the context ends."""
        return DeltaReader.open(self._root, max_rows)

    def ledger(self, stream: Stream) -> DeltaLedger:
        """A ledger for the calling thread."""
        handle = self._root.open_checked(SESSION_EVENTS)
        warm_up()
        return DeltaLedger(
            handle,
            stream,
            index=DedupIndex(self._dedup),
            retry=self._retry,
            write=self._write,
        )

    def rollup(self) -> DeltaRollupStore:
        """A rollup store for the calling thread."""
        return DeltaRollupStore(self._root, self._retry, self._write_hour)

    def upkeep(self) -> DeltaUpkeep:
        """Upkeep of the tables, for the calling thread."""
        return DeltaUpkeep(self._root, self._compaction, _SWAP_RETRY, self._clock)
