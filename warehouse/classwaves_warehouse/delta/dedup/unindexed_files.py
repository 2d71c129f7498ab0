"""The data files that the dedup index of a ledger has not read, by the id shards they fence."""

from collections.abc import Sequence

from classwaves_warehouse.batch import ID_SHARDS
from classwaves_warehouse.delta.app_ids import id_shards_in
from classwaves_warehouse.delta.log import Entry

_EVERY_SHARD = frozenset(range(ID_SHARDS))


class UnindexedFiles:
    """Files that other writers added since the index began.

    A commit that fences no shard may have rows of any. Consumers of murmur2 producers share no
    shard, so most of these files are never read. A compaction or a DELETE replaces files by others
    with their rows, so there are never more unindexed files than live ones.
    """

    def __init__(self) -> None:
        self._files: dict[str, frozenset[int]] = {}

    def __len__(self) -> int:
        return len(self._files)

    def clear(self) -> None:
        """Forget all files."""
        self._files.clear()

    def add(self, entry: Entry) -> None:
        """Apply another writer's commit."""
        shards = id_shards_in(entry.transactions) or _EVERY_SHARD
        self._files |= dict.fromkeys(entry.added, shards)
        removed = [self._files.pop(path) for path in entry.removed if path in self._files]
        if removed:
            self._files |= dict.fromkeys(entry.copies, frozenset().union(*removed))

    def of_shards(self, shards: frozenset[int]) -> Sequence[str]:
        """The files that may have identities of these shards."""
        return [path for path, fenced in self._files.items() if not fenced.isdisjoint(shards)]

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files that the index has read."""
        for path in paths:
            del self._files[path]
