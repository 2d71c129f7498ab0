"""A warehouse in the memory of one process: for tests of code that writes to a warehouse or reads from it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from threading import Lock
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from classwaves_schemas.tables import SESSION_EVENTS, TABLES
from classwaves_warehouse.batch import Batch, Digests, Fingerprints, Mask
from classwaves_warehouse.checkpoint import Checkpoint, Progress, begun, stored_until
from classwaves_warehouse.incarnation import check_incarnation
from classwaves_warehouse.interface import (
    Fenced,
    Mismatch,
    PartitionRows,
    Positions,
    Stored,
    TableSize,
)
from classwaves_warehouse.memory_hours import MemoryHours
from classwaves_warehouse.order import in_table_order
from classwaves_warehouse.positions import settled
from classwaves_warehouse.screening import screen
from classwaves_warehouse.shelf import Shelf
from classwaves_warehouse.stream import Stream

OnCommit = Callable[[Literal["before", "after"]], None]


def _undisturbed(_moment: Literal["before", "after"]) -> None:
    """Let every commit pass."""


@dataclass(slots=True)
class _Store:
    """What all ledgers and readers of one memory warehouse share."""

    on_commit: OnCommit
    lock: Lock = field(default_factory=Lock)
    shelf: Shelf = field(default_factory=lambda: Shelf(TABLES))
    identities: dict[bytes, int] = field(default_factory=dict)
    checkpoints: dict[tuple[str, str], dict[int, Checkpoint]] = field(default_factory=dict)
    topics: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def stored(self, identities: Digests) -> tuple[Mask, Fingerprints]:
        found = [self.identities.get(identity) for identity in identities.tolist()]
        known = np.array([fingerprint is not None for fingerprint in found], dtype=np.bool_)
        return known, np.array([fingerprint or 0 for fingerprint in found], dtype=np.uint64)

    def rows(self) -> pa.Table:
        return self.shelf.rows(SESSION_EVENTS, self.version())

    def version(self) -> int:
        return self.shelf.version(SESSION_EVENTS) or 0

    def stored_until(self, group: str, topic: str) -> Mapping[int, datetime | None]:
        with self.lock:
            return stored_until(
                [
                    self.checkpoints.get((group, topic_id), {})
                    for topic_id in self.topics.get((group, topic), ())
                ]
            )


class MemoryWarehouse:
    """A warehouse whose ledgers and readers share rows, positions and counters in memory; safe between threads.

    `shelf` holds its tables: somebody else's rows can be added there.

    Args:
        on_commit: called with "before" and "after" around every commit; what it raises, `append` raises: an error
            "after" is a commit that landed although its owner was told otherwise.
    """

    def __init__(self, on_commit: OnCommit = _undisturbed) -> None:
        self._store = _Store(on_commit)
        self.shelf = self._store.shelf
        self.tables = MemoryTables()
        self.events = MemoryEvents(self._store)

    def ledger(self, stream: Stream) -> "MemoryLedger":
        """Writing, for the thread that asks."""
        return MemoryLedger(self._store, stream)

    def hours(self) -> MemoryHours:
        """The rollup's reading and writing, for the thread that asks."""
        return MemoryHours(self._store.shelf, self._store.stored_until, self._store.on_commit)


class MemoryLedger:
    """The `Ledger` of a memory warehouse."""

    def __init__(self, store: _Store, stream: Stream) -> None:
        self._store = store
        self._stream = stream
        self._landed: tuple[Mapping[int, Progress], Stored] | None = None

    def checkpoints(self) -> Mapping[int, Checkpoint]:
        """The latest checkpoint of every partition that has one."""
        with self._store.lock:
            check_incarnation(
                self._stream,
                self._store.topics.get((self._stream.group, self._stream.topic), set()),
            )
            return dict(self._checkpoints)

    def append(
        self, batch: Batch, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced:
        """Store the rows that are not stored yet, and move positions and counters, at once."""
        with self._store.lock:
            answer = self._look(expected, progress)
        if answer is None:
            # Others may come in between, as they may to any process.
            self._store.on_commit("before")
            with self._store.lock:
                answer = self._look(expected, progress) or self._commit(batch, progress)
            if isinstance(answer, Stored):
                self._store.on_commit("after")
        self._landed = None
        return answer

    def accept_topic(self) -> None:
        """Record that this incarnation of the topic is the one to read from now on."""
        with self._store.lock:
            self._accept()

    @property
    def _checkpoints(self) -> dict[int, Checkpoint]:
        return self._store.checkpoints.setdefault((self._stream.group, self._stream.topic_id), {})

    def _accept(self) -> None:
        self._store.topics.setdefault((self._stream.group, self._stream.topic), set()).add(
            self._stream.topic_id
        )

    def _look(
        self, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced | None:
        if self._landed is not None and self._landed[0] == progress:
            return self._landed[1]
        actual = {partition: held.position for partition, held in self._checkpoints.items()}
        return settled(actual, expected, progress)

    def _commit(self, batch: Batch, progress: Mapping[int, Progress]) -> Stored:
        screening = screen(batch, self._store.stored)
        fresh = batch.where(screening.fresh)
        stored = Stored(
            rows=len(fresh),
            duplicates=batch.count_by_partition(~screening.fresh),
            conflicting=batch.count_by_partition(screening.conflicting),
        )
        self._store.shelf.add(SESSION_EVENTS, in_table_order(fresh.rows))
        self._store.identities.update(
            zip(fresh.digests.tolist(), fresh.fingerprints.tolist(), strict=True)
        )
        for partition, made in progress.items():
            before = self._checkpoints.get(partition) or begun(made)
            self._checkpoints[partition] = before.advanced(
                made, stored.duplicates.get(partition, 0), stored.conflicting.get(partition, 0)
            )
        self._accept()
        self._landed = progress, stored
        return stored


class MemoryEvents:
    """The `Events` of a memory warehouse."""

    def __init__(self, store: _Store) -> None:
        self._store = store

    def timeline(self, session_id: str) -> pa.Table:
        """A session's rows in their one order."""
        return in_table_order(self._store.rows().filter(pc.field("session_id") == session_id))

    def partition_rows(self, stream: Stream) -> Mapping[int, PartitionRows]:
        """By partition, what is stored of this stream's topic."""
        rows = self._store.rows().filter(pc.field("kafka_topic_id") == stream.topic_id)
        offsets: dict[int, list[int]] = {}
        for partition, offset in zip(
            *(rows[name].to_pylist() for name in ("kafka_partition", "kafka_offset")), strict=True
        ):
            offsets.setdefault(partition, []).append(offset)
        return {
            partition: PartitionRows(
                rows=len(held), offsets=len(set(held)), lowest=min(held), highest=max(held)
            )
            for partition, held in sorted(offsets.items())
        }

    def offsets(self, stream: Stream, partition: int, start: int, end: int) -> Sequence[int]:
        """The distinct stored offsets of [start, end) of one partition, ascending."""
        here = (pc.field("kafka_topic_id") == stream.topic_id) & (
            pc.field("kafka_partition") == partition
        )
        between = (pc.field("kafka_offset") >= start) & (pc.field("kafka_offset") < end)
        return sorted(set(self._store.rows().filter(here & between)["kafka_offset"].to_pylist()))

    def repeated(self, limit: int) -> tuple[int, Sequence[tuple[str, str]]]:
        """How many rows the table holds beyond one for each identity, and up to `limit` such (session_id, id)."""
        repeats = {
            identity: count for identity, count in Counter(self._identities()).items() if count > 1
        }
        return sum(repeats.values()) - len(repeats), sorted(repeats)[:limit]

    def known(self, identities: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Which of these (session_id, id) are stored."""
        return set(identities).intersection(self._identities())

    def size(self) -> TableSize:
        """One file a commit that has rows; no log."""
        rows = self._store.rows()
        files = sum(
            after > before for before, after in pairwise(self._store.shelf.sizes(SESSION_EVENTS))
        )
        return TableSize(
            version=self._store.version(),
            files=files,
            bytes=rows.nbytes,
            rows=len(rows),
            log_entries=0,
        )

    def _identities(self) -> list[tuple[str, str]]:
        rows = self._store.rows()
        return list(zip(rows["session_id"].to_pylist(), rows["id"].to_pylist(), strict=True))


class MemoryTables:
    """The `Tables` of a memory warehouse: as their contracts say, always."""

    def check(self) -> Sequence[Mismatch]:
        """No difference."""
        return []

    def migrate(self) -> Sequence[str]:
        """Nothing to do."""
        return []
