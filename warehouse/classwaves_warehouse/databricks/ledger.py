"""The ledger on a SQL warehouse: rows first, then positions, each in a statement that may be repeated.

Rows are bound to their identity and not to who wrote them: a row that an earlier attempt, a predecessor or a zombie
has stored from its own offset is stored, and counts as nobody's duplicate. Positions move only from where their owner
believes them to be, so that whatever is repeated, or executed late by a server that nobody waits for any more,
changes nothing. Every append is settled by a look at the positions, never by the class of an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from classwaves_runtime.failpoints import FailPoint
from classwaves_warehouse.batch import Batch, Digests, Fingerprints, Mask
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.databricks.books import Account, Books, Gain
from classwaves_warehouse.databricks.patience import Patience
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.incarnation import check_incarnation
from classwaves_warehouse.interface import Fenced, Positions, Stored
from classwaves_warehouse.order import in_table_order
from classwaves_warehouse.positions import settled
from classwaves_warehouse.screening import screen
from classwaves_warehouse.stream import Stream

T = TypeVar("T")

_ADDING = FailPoint("adding-rows")
_ADDED = FailPoint("rows-added")
_MOVED = FailPoint("positions-moved")


@dataclass(frozen=True, slots=True)
class _Attempt:
    """Positions that were sent, and what they would mean."""

    progress: Mapping[int, Progress]
    stored: Stored


class DatabricksLedger:
    """The `Ledger` of a SQL warehouse.

    Args:
        books: the tables, for this ledger alone.
        stream: whose positions.
        check: called once before the first statement; raises if the tables are not as their contracts say.
        patience: how long a call goes on trying.
    """

    def __init__(
        self, books: Books, stream: Stream, check: Callable[[], None], patience: Patience
    ) -> None:
        self._books = books
        self._stream = stream
        self._check: Callable[[], None] | None = check
        self._patience = patience
        self._sent: _Attempt | None = None

    def checkpoints(self) -> Mapping[int, Checkpoint]:
        """The latest checkpoint of every partition that has one, read from the table now."""

        def step(_attempt: int) -> Mapping[int, Checkpoint]:
            found = self._books.positions()
            check_incarnation(self._stream, found.keys())
            return found.get(self._stream.topic_id, {})

        return self._settle(step)

    def append(
        self, batch: Batch, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced:
        """Store the rows that are not stored yet, then move positions and counters."""
        believed = {partition: expected.get(partition) for partition in progress}

        def step(attempt: int) -> Stored | Fenced:
            answer = (
                self._look(believed, progress) if attempt > 1 or self._sent is not None else None
            )
            answer = (
                answer
                or self._try(batch, believed, progress, attempt)
                or self._look(believed, progress)
            )
            if answer is None:
                raise WarehouseUnavailable(
                    f"{self._stream}: rows or positions were not taken, though nobody stood in the way."
                )
            return answer

        answer = self._settle(step)
        self._sent = None
        return answer

    def accept_topic(self) -> None:
        """Record that this incarnation of the topic is the one to read from now on."""
        self._settle(lambda _attempt: self._books.accept())

    def _settle(self, step: Callable[[int], T]) -> T:
        def checked(attempt: int) -> T:
            if self._check is not None:
                self._check()
                self._check = None
            return step(attempt)

        return self._patience.settle(checked)

    def _look(
        self, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced | None:
        """What the table says of this append; None if it has not landed and nothing stands in its way."""
        checkpoints = self._books.positions().get(self._stream.topic_id, {})
        actual = {partition: held.position for partition, held in checkpoints.items()}
        answer = settled(actual, expected, progress)
        if (
            isinstance(answer, Stored)
            and self._sent is not None
            and self._sent.progress == progress
        ):
            return self._sent.stored
        return answer

    def _try(
        self, batch: Batch, expected: Positions, progress: Mapping[int, Progress], attempt: int
    ) -> Stored | None:
        """Both statements; None if the positions did not move, and a look has to tell why."""
        screening = screen(batch, _nothing_stored)
        fresh = batch.where(screening.fresh)
        _ADDING.hit()
        added = self._books.add(Batch(in_table_order(fresh.rows)), expected) if len(fresh) else 0
        _ADDED.hit()
        duplicates = batch.count_by_partition(~screening.fresh)
        conflicting = batch.count_by_partition(screening.conflicting)
        if added < len(fresh):
            accounts = self._books.account(batch)
            if not _whole(accounts, len(batch)):
                return None
            duplicates = {p: each.offered - each.themselves for p, each in accounts.items()}
            conflicting = {p: each.conflicting for p, each in accounts.items()}
        rows = len(batch) - sum(duplicates.values())
        stored = Stored(rows, _counted(duplicates), _counted(conflicting), attempt)
        self._sent = _Attempt(progress, stored)
        gains = {
            partition: Gain(
                expected[partition],
                made,
                duplicates.get(partition, 0),
                conflicting.get(partition, 0),
            )
            for partition, made in progress.items()
        }
        moved = self._books.move(gains)
        _MOVED.hit()
        return stored if moved == len(gains) else None


def _nothing_stored(identities: Digests) -> tuple[Mask, Fingerprints]:
    """A batch is compared with itself here; with the table the statement compares it."""
    return np.zeros(len(identities), dtype=np.bool_), np.zeros(len(identities), dtype=np.uint64)


def _whole(accounts: Mapping[int, Account], offered: int) -> bool:
    """Whether every row of the batch was read, and has its identity in the table."""
    return sum(each.stored for each in accounts.values()) == offered


def _counted(counts: Mapping[int, int]) -> Mapping[int, int]:
    return {partition: count for partition, count in counts.items() if count}
