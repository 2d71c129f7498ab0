"""The ledger on Delta: rows, positions, counters and lanes in one atomic commit.

Every append is settled by looking at the log, never by the class of an error: a commit has landed if the entry with
its token is there, its owner has been fenced if the positions are not those that it expects, and everything else is
tried again. Positions are compared on the very state of the handle that the commit goes through; the handle's state
moves forward by its own commits, so that the lost partition of a zombie shows even if its other ones do well.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import TypeVar
from uuid import uuid4

import numpy as np
import numpy.typing as npt
from deltalake import DeltaTable

from classwaves_runtime.failpoints import FailPoint
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Checkpoint, Progress, begun
from classwaves_warehouse.delta.app_ids import AppIds, lane_id
from classwaves_warehouse.delta.backoff import Backoff
from classwaves_warehouse.delta.files import DataFiles
from classwaves_warehouse.delta.foreign import ForeignFiles
from classwaves_warehouse.delta.identities import Identities
from classwaves_warehouse.delta.index import IdentityIndex
from classwaves_warehouse.delta.tail import LogTail
from classwaves_warehouse.delta.writer import write
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.incarnation import check_incarnation
from classwaves_warehouse.interface import Fenced, Positions, Stored
from classwaves_warehouse.positions import settled
from classwaves_warehouse.stream import Stream

T = TypeVar("T")

_BEFORE_COMMIT = FailPoint("before-commit")
_COMMITTED = FailPoint("committed")


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A commit that was tried."""

    token: str
    progress: Mapping[int, Progress]
    fresh: Batch
    stored: Stored


class DeltaLedger:
    """The `Ledger` of a Delta table.

    Args:
        handle: session_events, opened for this ledger alone.
        stream: whose positions.
        index: remembers the table's identities; for this ledger alone.
        backoff: how long a call goes on trying.
        sleep: waits this many seconds.
    """

    def __init__(
        self,
        handle: DeltaTable,
        stream: Stream,
        index: IdentityIndex,
        backoff: Backoff,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._handle = handle
        self._stream = stream
        self._ids = AppIds(stream)
        self._tail = LogTail(handle)
        self._files = DataFiles(handle)
        self._index = index
        self._foreign = ForeignFiles()
        self._backoff = backoff
        self._sleep = sleep
        self._chance = Random()  # noqa: S311  # jitter keeps no secret
        self._undecided: _Attempt | None = None
        self._landed: _Attempt | None = None

    def checkpoints(self) -> Mapping[int, Checkpoint]:
        """The latest checkpoint of every partition that has one, read from the table now."""
        self._settle(lambda _attempt: self._refresh())
        check_incarnation(self._stream, self._ids.incarnations(self._tail.transactions))
        return self._ids.decode(self._tail.transactions)

    def append(
        self, batch: Batch, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced:
        """Store the rows that are not stored yet, and move positions and counters, in one atomic commit."""

        def step(attempt: int) -> Stored | Fenced:
            if attempt > 1 or self._undecided is not None:
                self._handle.update_incremental()
            self._catch_up()
            answer = self._look(expected, progress)
            if isinstance(
                answer, Fenced
            ):  # or so it seems from a version that is older than what was expected
                self._refresh()
                answer = self._look(expected, progress)
            while answer is None:
                self._commit(batch, progress, attempt)
                answer = self._look(expected, progress)
            return answer

        answer = self._settle(step)
        self._undecided = self._landed = None
        return answer

    def accept_topic(self) -> None:
        """Record that this incarnation of the topic is the one to read from now on."""

        def step(_attempt: int) -> None:
            self._refresh()
            if self._ids.topic not in self._tail.transactions:
                write(self._handle, ROWS.empty_table(), {self._ids.topic: 1}, uuid4().hex)
                self._catch_up()

        self._settle(step)

    def _settle(self, step: Callable[[int], T]) -> T:
        """Try until a step ends without an error. None is believed or disbelieved: the next step looks for itself."""
        failure: Exception | None = None
        for attempt in range(1, self._backoff.attempts + 1):
            try:
                return step(attempt)
            except Exception as error:
                failure = error
            self._sleep(self._backoff.pause(attempt, self._chance))
        raise WarehouseUnavailable(
            f"{self._handle.table_uri}: not settled after {self._backoff.attempts} attempts (last error: {failure}). "
            "Call again with the same arguments."
        ) from failure

    def _look(
        self, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced | None:
        """What the log says of this append; None if it has not landed and nothing stands in its way."""
        if self._landed is not None and self._landed.progress == progress:
            return self._landed.stored
        checkpoints = self._ids.decode(self._tail.transactions)
        return settled(
            {partition: held.position for partition, held in checkpoints.items()},
            expected,
            progress,
        )

    def _commit(self, batch: Batch, progress: Mapping[int, Progress], attempt: int) -> None:
        self._sync(frozenset(np.unique(batch.lanes).tolist()))
        screening = self._index.screen(batch, self._files.of_hours)
        fresh = batch.where(screening.fresh)
        stored = Stored(
            rows=len(fresh),
            duplicates=batch.count_by_partition(~screening.fresh),
            conflicting=batch.count_by_partition(screening.conflicting),
            attempts=attempt,
        )
        self._undecided = tried = _Attempt(uuid4().hex, progress, fresh, stored)
        transactions = self._transactions(progress, stored, fresh.lanes)
        _BEFORE_COMMIT.hit()
        write(self._handle, fresh.rows, transactions, tried.token)
        _COMMITTED.hit()
        self._catch_up()

    def _transactions(
        self, progress: Mapping[int, Progress], stored: Stored, lanes: npt.NDArray[np.uint8]
    ) -> Mapping[str, int]:
        known = self._tail.transactions
        checkpoints = self._ids.decode(known)
        numbers = {self._ids.topic: 1}
        for partition, made in progress.items():
            before = checkpoints.get(partition) or begun(made)
            after = before.advanced(
                made, stored.duplicates.get(partition, 0), stored.conflicting.get(partition, 0)
            )
            numbers |= self._ids.encode(partition, after)
        changed = {
            app_id: number for app_id, number in numbers.items() if known.get(app_id) != number
        }
        # A position is written even if it stays, and a lane is counted: both fence whoever else claims them.
        positions = {
            self._ids.position(partition): made.position for partition, made in progress.items()
        }
        claims = {
            lane_id(lane): known.get(lane_id(lane), 0) + 1 for lane in np.unique(lanes).tolist()
        }
        return changed | positions | claims

    def _refresh(self) -> None:
        self._handle.update_incremental()
        self._catch_up()

    def _catch_up(self) -> None:
        """Learn what the handle's move has brought: our own commits, and files of other writers."""
        entries = self._tail.catch_up()
        if entries is None:
            self._start_over()
            return
        for entry in entries:
            tried = self._undecided
            if tried is not None and tried.token == entry.attempt:
                self._index.admit(Identities.of(tried.fresh))
                self._undecided, self._landed = None, tried
            else:
                self._foreign.note(entry)

    def _sync(self, lanes: frozenset[int]) -> None:
        """Bring the index up to the handle's version as far as these lanes are concerned."""
        if self._foreign.lost(lanes):
            self._start_over()
        paths = self._foreign.due(lanes)
        if not paths:
            return
        try:
            for identities in self._files.identities(paths):
                self._index.learn(identities)
        except FileNotFoundError:
            self._start_over()
        else:
            self._foreign.read(paths)

    def _start_over(self) -> None:
        self._index.forget()
        self._foreign = ForeignFiles()
