"""What other writers have added to the table and the index has not read."""

from collections.abc import Sequence
from typing import Final

from classwaves_warehouse.delta.app_ids import lanes_in
from classwaves_warehouse.delta.log import Entry
from classwaves_warehouse.lanes import LANES

_LIMIT: Final = 256
"""Files remembered one by one."""

_EVERY_LANE: Final = frozenset(range(LANES))


class ForeignFiles:
    """Files by the lanes that their commit claimed. A commit that claimed none may have touched any.

    Consumers of murmur2 producers never meet in a lane, so most of these files are never read. Beyond 256 of them
    only their lanes are remembered: who comes to one of those (a rebalance) has to start over.
    """

    def __init__(self) -> None:
        self._files: list[tuple[str, frozenset[int]]] = []
        self._lost: frozenset[int] = frozenset()

    def note(self, entry: Entry) -> None:
        """Remember what another writer's commit added."""
        lanes = lanes_in(entry.transactions) or _EVERY_LANE
        self._files.extend((path, lanes) for path in entry.added)
        if len(self._files) > _LIMIT:
            self._lost = self._lost.union(*(lanes for _, lanes in self._files))
            self._files.clear()

    def lost(self, lanes: frozenset[int]) -> bool:
        """Whether files of these lanes are remembered no longer."""
        return not self._lost.isdisjoint(lanes)

    def due(self, lanes: frozenset[int]) -> Sequence[str]:
        """The files that may hold identities in these lanes."""
        return [path for path, touched in self._files if not touched.isdisjoint(lanes)]

    def read(self, paths: Sequence[str]) -> None:
        """These are in the index now."""
        done = set(paths)
        self._files = [(path, lanes) for path, lanes in self._files if path not in done]
