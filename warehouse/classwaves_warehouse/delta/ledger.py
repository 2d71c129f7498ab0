"""The ledger on Delta: rows, positions, counters and id shards in one atomic commit.

Delta refuses a commit if a newer version wrote one of its app ids. So each commit writes the
position of each of its partitions, and a counter for each id shard (a hash of session_id) in which
it stores rows: two writers that own one partition, or may store one event, collide.

Whether an append landed is decided by reading the log, never by the class of an error. It landed if
the log has an entry with its token; its owner is fenced if the positions are not the expected ones;
otherwise the commit is tried again. Positions are compared on the state of the handle through which
the commit goes. The handle moves forward by its own commits, so a zombie that still owns one
partition would otherwise overwrite the position of another one that it lost.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from deltalake import DeltaTable

from classwaves_runtime.failpoints import FailPoint
from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Checkpoint, Progress, begun
from classwaves_warehouse.delta.app_ids import AppIds, id_shard_app_id
from classwaves_warehouse.delta.dedup.files import IdentityFiles
from classwaves_warehouse.delta.dedup.identities import Identities
from classwaves_warehouse.delta.dedup.index import DedupIndex
from classwaves_warehouse.delta.dedup.unindexed_files import UnindexedFiles
from classwaves_warehouse.delta.log import LogTail
from classwaves_warehouse.delta.writer import Write
from classwaves_warehouse.errors import DamagedRun, WarehouseUnavailable
from classwaves_warehouse.fencing import check_topic_id, compare_positions
from classwaves_warehouse.interface import Fenced, Positions, Stored, Stream
from classwaves_warehouse.offset_sums import NO_OFFSETS, OffsetSums

T = TypeVar("T")

_BEFORE_COMMIT = FailPoint("before-commit")
_COMMITTED = FailPoint("committed")


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A commit that was tried, and the answer if it landed."""

    token: str
    progress: Mapping[int, Progress]
    new: Batch
    stored: Stored


class DeltaLedger:
    """The `Ledger` of a Delta table. Its handle, index and file list are used by no other ledger.

    Args:
        handle: of session_events.
        stream: the consumer group and topic.
        index: identities of the table.
        retry: of each call.
        write: commits rows and transactions.
    """

    def __init__(
        self,
        handle: DeltaTable,
        stream: Stream,
        *,
        index: DedupIndex,
        retry: RetryPolicy,
        write: Write,
    ) -> None:
        self._handle = handle
        self._stream = stream
        self._app_ids = AppIds(stream)
        self._tail = LogTail(handle)
        self._files = IdentityFiles(handle)
        self._index = index
        self._unindexed = UnindexedFiles()
        self._retry = retry
        self._write = write
        self._pending: _Attempt | None = None
        self._landed: _Attempt | None = None

    def checkpoints(self) -> Mapping[int, Checkpoint]:
        """The checkpoint of every partition that has one, read from the table now."""
        self._run(lambda _attempt: self._refresh())
        check_topic_id(self._stream, self._app_ids.topic_ids(self._tail.transactions))
        return self._app_ids.decode(self._tail.transactions)

    def prepare(self, around: datetime) -> None:
        """Read the identities that batches of this time need into the dedup index."""

        def step(_attempt: int) -> None:
            self._refresh()
            self._index.prepare(int(around.timestamp()) // 3600, self._files)

        self._run(step)

    def append(
        self, batch: Batch, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced:
        """Store the batch's new rows, and advance positions and counters, in one commit."""

        def step(attempt: int) -> Stored | Fenced:
            if attempt > 1 or self._pending is not None:
                self._handle.update_incremental()
            self._catch_up()
            answer = self._answer(expected, progress)
            if isinstance(answer, Fenced):
                # The handle's version may be older than the expected positions.
                self._refresh()
                answer = self._answer(expected, progress)
            while answer is None:
                self._commit(batch, progress, attempt)
                answer = self._answer(expected, progress)
            return answer

        answer = self._run(step)
        self._pending = self._landed = None
        return answer

    def accept_topic(self) -> None:
        """Record that this topic id is the one to read from now on."""
        self._record({self._app_ids.topic: 1})

    def acknowledge_expired(self, offsets: Mapping[int, int]) -> None:
        """Record that an operator knows of this many expired offsets of each partition."""
        self._record(
            {self._app_ids.acknowledged(partition): count for partition, count in offsets.items()}
        )

    def _record(self, transactions: Mapping[str, int]) -> None:
        """Commit these transactions without rows, unless they are stored already."""

        def step(_attempt: int) -> None:
            self._refresh()
            if not transactions.items() <= self._tail.transactions.items():
                self._write(self._handle, ROWS.empty_table(), transactions, uuid4().hex)
                self._catch_up()

        self._run(step)

    def _run(self, step: Callable[[int], T]) -> T:
        """Call a step until it ends without an error. Each attempt reads the log for itself."""
        try:
            return self._retry.run(step)
        except Exception as error:
            raise WarehouseUnavailable(
                f"{self._handle.table_uri}: the outcome is unknown after {self._retry.attempts} "
                f"attempts (last error: {error}). Call again with the same arguments."
            ) from error

    def _answer(
        self, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced | None:
        """What the log says about this append; None if it can be committed."""
        if self._landed is not None and self._landed.progress == progress:
            return self._landed.stored
        checkpoints = self._app_ids.decode(self._tail.transactions)
        actual = {partition: each.position for partition, each in checkpoints.items()}
        return compare_positions(actual, expected, progress)

    def _commit(self, batch: Batch, progress: Mapping[int, Progress], attempt: int) -> None:
        self._update_index(frozenset(np.unique(batch.id_shards).tolist()))
        result = self._index.deduplicate(batch, self._files)
        new = batch.where(result.new)
        stored = Stored(
            rows=len(batch) - int(result.repeats.sum()),
            duplicates=batch.count_by_partition(result.repeats),
            conflicting=batch.count_by_partition(result.conflicting),
            attempts=attempt,
            dedup=self._index.load,
        )
        self._pending = pending = _Attempt(uuid4().hex, progress, new, stored)
        duplicates = batch.offsets_by_partition(result.repeats)
        transactions = self._checkpoint_transactions(progress, duplicates, stored.conflicting)
        transactions |= self._id_shard_transactions(new.id_shards)
        _BEFORE_COMMIT.hit()
        self._write(self._handle, new.rows, transactions, pending.token)
        _COMMITTED.hit()
        self._catch_up()

    def _checkpoint_transactions(
        self,
        progress: Mapping[int, Progress],
        duplicates: Mapping[int, OffsetSums],
        conflicting: Mapping[int, int],
    ) -> dict[str, int]:
        known = self._tail.transactions
        checkpoints = self._app_ids.decode(known)
        numbers = {self._app_ids.topic: 1}
        for partition, each in progress.items():
            before = checkpoints.get(partition) or begun(each)
            after = before.advanced(
                each, duplicates.get(partition, NO_OFFSETS), conflicting.get(partition, 0)
            )
            numbers |= self._app_ids.encode(partition, after)
        # Unchanged positions are written too: they fence other writers.
        positions = {self._app_ids.position(partition) for partition in progress}
        return {
            app_id: number
            for app_id, number in numbers.items()
            if known.get(app_id, 0) != number or app_id in positions
        }

    def _id_shard_transactions(self, id_shards: npt.NDArray[np.uint8]) -> Mapping[str, int]:
        known = self._tail.transactions
        shards = map(id_shard_app_id, np.unique(id_shards).tolist())
        return {app_id: known.get(app_id, 0) + 1 for app_id in shards}

    def _refresh(self) -> None:
        self._handle.update_incremental()
        self._catch_up()

    def _catch_up(self) -> None:
        """Read new log entries: our own commits, and the files of other writers."""
        entries = self._tail.catch_up()
        if entries is None:
            self._clear_index()
            return
        for entry in entries:
            pending = self._pending
            if pending is not None and pending.token == entry.token:
                self._index.add(Identities.of(pending.new))
                self._pending, self._landed = None, pending
            else:
                self._unindexed.add(entry)

    def _update_index(self, id_shards: frozenset[int]) -> None:
        """Read the files of other writers that may have identities of these id shards."""
        paths = self._unindexed.of_shards(id_shards)
        if not paths:
            return
        try:
            self._index.add_files(paths, self._files)
        except (FileNotFoundError, DamagedRun):
            self._clear_index()
        else:
            self._unindexed.remove(paths)

    def _clear_index(self) -> None:
        self._index.clear()
        self._unindexed.clear()
