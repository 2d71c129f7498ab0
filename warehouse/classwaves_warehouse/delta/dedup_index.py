"""The dedup index: which events are stored, without reading the table for each batch.

The index is complete for the hours (of event_time) that it covers, and has nothing of others. A
batch needs the hours from 24 before to 24 after each of its own; hours that are not covered are
read from the table.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from classwaves_warehouse.batch import (
    ID_SHARDS,
    Batch,
    DedupResult,
    Digests,
    Found,
    deduplicate,
)
from classwaves_warehouse.delta.app_ids import id_shards_in
from classwaves_warehouse.delta.identities import Hours, Identities, SortedRuns, hours_of
from classwaves_warehouse.delta.log import Entry

CAPACITY: Final = 2_000_000
"""Default limit of identities in an index, at 36 bytes each."""

MAX_FILES: Final = 256
"""Default limit of files that `UnindexedFiles` lists one by one."""

_MARGIN: Final = np.arange(-24, 25, dtype=np.int32)
_EVERY_SHARD: Final = frozenset(range(ID_SHARDS))

Read = Callable[[Hours], Iterator[Identities]]
"""Hours → the identities that the table has of them, in chunks."""


class DedupIndex:
    """Identities of the most recently needed hours.

    Args:
        capacity: limit of identities; while hours are read, as many again. A batch with hours of
            more identities is deduplicated correctly, but each time from the table.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self.clear()

    def clear(self) -> None:
        """Forget everything; cover no hour."""
        self._runs = SortedRuns()
        self._needed_at: dict[int, int] = {}
        self._batches = 0

    def deduplicate(self, batch: Batch, read: Read) -> DedupResult:
        """Find a batch's new rows: not stored, and not repeats of earlier rows of the batch.

        Args:
            batch: rows to store.
            read: reads hours that the index does not cover.
        """
        self._batches += 1
        needed = np.unique(np.unique(hours_of(batch.rows))[:, np.newaxis] + _MARGIN).tolist()
        missing = [hour for hour in needed if hour not in self._needed_at]
        self._needed_at.update((hour, self._batches) for hour in needed if hour in self._needed_at)
        return deduplicate(
            batch, lambda wanted: self._lookup(wanted, np.array(missing, np.int32), read)
        )

    def add(self, identities: Identities) -> None:
        """Add stored identities that the index does not have; those of other hours are ignored."""
        covered = np.fromiter(self._needed_at, dtype=np.int32, count=len(self._needed_at))
        self._runs.add(identities.take(np.isin(identities.hours, covered)))
        self._evict()

    def add_missing(self, identities: Identities) -> None:
        """Add stored identities, of which the index may have some."""
        ordered = identities.in_order()
        self.add(ordered.take(~self._runs.find(ordered.digests).known))

    def _lookup(self, wanted: Digests, missing: Hours, read: Read) -> Found:
        found = self._runs.find(wanted)
        if not len(missing):
            return found
        chunks: list[Identities] | None = []
        for chunk in read(missing):
            indices = np.minimum(np.searchsorted(wanted, chunk.digests), len(wanted) - 1)
            hits = wanted[indices] == chunk.digests
            found.known[indices[hits]] = True
            found.fingerprints[indices[hits]] = chunk.fingerprints[hits]
            found.origins[indices[hits]] = chunk.origins[hits]
            if chunks is not None:
                chunks.append(chunk)
                if sum(map(len, chunks)) > self._capacity:
                    chunks = None
        if chunks is not None:
            self._runs.add(Identities.concatenated(chunks))
            self._needed_at.update(dict.fromkeys(missing.tolist(), self._batches))
            self._evict()
        return found

    def _evict(self) -> None:
        """Drop the least recently needed hours, an eighth of the capacity at a time."""
        excess = len(self._runs) - self._capacity
        if excess <= 0:
            return
        counts = self._runs.count_by_hour()
        victims: list[int] = []
        freed = 0
        for hour in sorted(counts, key=lambda hour: (self._needed_at[hour], hour)):
            in_use = self._needed_at[hour] == self._batches
            if freed >= (excess if in_use else max(excess, self._capacity // 8)):
                break
            victims.append(hour)
            freed += counts[hour]
        self._runs.drop(np.array(victims, dtype=np.int32))
        for hour in victims:
            del self._needed_at[hour]


class UnindexedFiles:
    """Files that other writers added and the index has not read, by the id shards they fence.

    A commit that fences no shard may have rows of any. Consumers of murmur2 producers share no
    shard, so most of these files are never read.

    Args:
        max_files: beyond this number only the shards of the files are kept; then the index of a
            consumer that gets one of those shards must start again.
    """

    def __init__(self, max_files: int = MAX_FILES) -> None:
        self._max_files = max_files
        self.clear()

    def clear(self) -> None:
        """Forget all files and shards."""
        self._files: list[tuple[str, frozenset[int]]] = []
        self._lost: frozenset[int] = frozenset()

    def add(self, entry: Entry) -> None:
        """Add the files of another writer's commit."""
        shards = id_shards_in(entry.transactions) or _EVERY_SHARD
        self._files.extend((path, shards) for path in entry.added)
        if len(self._files) > self._max_files:
            self._lost = self._lost.union(*(shards for _, shards in self._files))
            self._files.clear()

    def is_lost(self, shards: frozenset[int]) -> bool:
        """Whether files of these shards are no longer listed."""
        return not self._lost.isdisjoint(shards)

    def of_shards(self, shards: frozenset[int]) -> Sequence[str]:
        """The listed files that may have identities of these shards."""
        return [path for path, fenced in self._files if not fenced.isdisjoint(shards)]

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files that the index has read."""
        done = set(paths)
        self._files = [(path, shards) for path, shards in self._files if path not in done]
