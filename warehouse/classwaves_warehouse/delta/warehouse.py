"""The `Warehouse` of a root folder or object store."""

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.delta.backoff import PATIENT, Backoff
from classwaves_warehouse.delta.events import DeltaEvents
from classwaves_warehouse.delta.hours import DeltaHours
from classwaves_warehouse.delta.index import CAPACITY, IdentityIndex
from classwaves_warehouse.delta.ledger import DeltaLedger
from classwaves_warehouse.delta.root import Root
from classwaves_warehouse.delta.tables import DeltaTables, checked
from classwaves_warehouse.delta.writer import warm_up
from classwaves_warehouse.stream import Stream


class DeltaWarehouse:
    """Delta tables below a root, for this process; delta-rs does not survive a fork, so spawn.

    Args:
        root: folder or object-store URL.
        capacity: identities that each ledger remembers at most, at 28 bytes each.
        backoff: how long a write goes on trying.
    """

    def __init__(self, root: str, capacity: int = CAPACITY, backoff: Backoff = PATIENT) -> None:
        self._root = Root(root)
        self._capacity = capacity
        self._backoff = backoff
        self.tables = DeltaTables(self._root)
        self.events = DeltaEvents(self._root)

    def ledger(self, stream: Stream) -> DeltaLedger:
        """Writing, for the thread that asks."""
        handle = checked(SESSION_EVENTS, self._root.open(SESSION_EVENTS))
        warm_up()
        return DeltaLedger(handle, stream, IdentityIndex(self._capacity), self._backoff)

    def hours(self) -> DeltaHours:
        """The rollup's reading and writing, for the thread that asks."""
        return DeltaHours(self._root, self._backoff)
