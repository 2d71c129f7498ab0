"""The warehouse in memory."""

from contextlib import AbstractContextManager

from classwaves_warehouse.interface import Stream
from classwaves_warehouse.memory.events import MemoryEvents
from classwaves_warehouse.memory.ledger import MemoryLedger
from classwaves_warehouse.memory.reader import MemoryReader
from classwaves_warehouse.memory.rollup import MemoryRollupStore
from classwaves_warehouse.memory.state import MemoryState, OnCommit, ignore
from classwaves_warehouse.memory.tables import MemoryTables
from classwaves_warehouse.memory.upkeep import MemoryUpkeep
from classwaves_warehouse.reading import MAX_ROWS


class MemoryWarehouse:
    """A warehouse with rows, positions and counters in memory; safe between threads.

    `versioned_tables` holds its tables: tests add rows of other writers there.

    Args:
        on_commit: called with "before" and "after" around every commit; its errors are raised to
            the writer. An error "after" is a commit that landed, but whose answer was lost.
    """

    def __init__(self, on_commit: OnCommit = ignore) -> None:
        self._state = MemoryState(on_commit)
        self.versioned_tables = self._state.tables
        self.tables = MemoryTables()
        self.events = MemoryEvents(self._state)

    def reader(self, max_rows: int = MAX_ROWS) -> AbstractContextManager[MemoryReader]:
        """A reader for the calling thread, until the context ends."""
        return MemoryReader.open(self._state.tables, max_rows)

    def ledger(self, stream: Stream) -> MemoryLedger:
        """A ledger for the calling thread."""
        return MemoryLedger(self._state, stream)

    def rollup(self) -> MemoryRollupStore:
        """A rollup store for the calling thread."""
        return MemoryRollupStore(self._state)

    def upkeep(self) -> MemoryUpkeep:
        """Upkeep of the tables, for the calling thread."""
        return MemoryUpkeep()
