"""The ledger in memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import Batch, deduplicate, in_table_order
from classwaves_warehouse.checkpoint import Checkpoint, Progress, begun
from classwaves_warehouse.fencing import check_topic_id, compare_positions
from classwaves_warehouse.interface import Fenced, Positions, Stored, Stream
from classwaves_warehouse.memory.state import MemoryState
from classwaves_warehouse.offset_sums import NO_OFFSETS


class MemoryLedger:
    """The `Ledger` of a memory warehouse."""

    def __init__(self, state: MemoryState, stream: Stream) -> None:
        self._state = state
        self._stream = stream
        self._landed: tuple[Mapping[int, Progress], Stored] | None = None

    def checkpoints(self) -> Mapping[int, Checkpoint]:
        """The checkpoint of every partition that has one."""
        stream = self._stream
        with self._state.lock:
            accepted = self._state.topic_ids.get((stream.group, stream.topic), set())
            check_topic_id(stream, accepted)
            return dict(self._checkpoints)

    def prepare(self, around: datetime) -> None:
        """Do nothing: the warehouse compares a batch with its rows by itself."""

    def append(
        self, batch: Batch, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced:
        """Store the batch's new rows, and advance positions and counters, at once."""
        with self._state.lock:
            answer = self._answer(expected, progress)
        if answer is None:
            # Other writers can commit in between, as they can with any warehouse.
            self._state.on_commit("before")
            with self._state.lock:
                answer = self._answer(expected, progress) or self._commit(batch, progress)
            if isinstance(answer, Stored):
                self._state.on_commit("after")
        self._landed = None
        return answer

    def accept_topic(self) -> None:
        """Record that this topic id is the one to read from now on."""
        with self._state.lock:
            self._accept()

    def acknowledge_expired(self, offsets: Mapping[int, int]) -> None:
        """Record that an operator knows of this many expired offsets of each partition."""
        with self._state.lock:
            for partition, count in offsets.items():
                before = self._checkpoints[partition]
                self._checkpoints[partition] = replace(before, acknowledged=count)

    @property
    def _checkpoints(self) -> dict[int, Checkpoint]:
        return self._state.checkpoints.setdefault((self._stream.group, self._stream.topic_id), {})

    def _accept(self) -> None:
        key = self._stream.group, self._stream.topic
        self._state.topic_ids.setdefault(key, set()).add(self._stream.topic_id)

    def _answer(
        self, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced | None:
        if self._landed is not None and self._landed[0] == progress:
            return self._landed[1]
        actual = {partition: each.position for partition, each in self._checkpoints.items()}
        return compare_positions(actual, expected, progress)

    def _commit(self, batch: Batch, progress: Mapping[int, Progress]) -> Stored:
        result = deduplicate(batch, self._state.lookup)
        new = batch.where(result.new)
        stored = Stored(
            rows=len(batch) - int(result.repeats.sum()),
            duplicates=batch.count_by_partition(result.repeats),
            conflicting=batch.count_by_partition(result.conflicting),
        )
        self._state.tables.add(SESSION_EVENTS, in_table_order(new.rows))
        self._state.stored.update(
            zip(
                new.digests.tolist(),
                zip(new.fingerprints.tolist(), new.origins.tolist(), strict=True),
                strict=True,
            )
        )
        duplicates = batch.offsets_by_partition(result.repeats)
        for partition, each in progress.items():
            before = self._checkpoints.get(partition) or begun(each)
            self._checkpoints[partition] = before.advanced(
                each,
                duplicates.get(partition, NO_OFFSETS),
                stored.conflicting.get(partition, 0),
            )
        self._accept()
        self._landed = progress, stored
        return stored
