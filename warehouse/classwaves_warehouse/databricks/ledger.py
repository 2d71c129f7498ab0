"""The ledger on a SQL warehouse: rows first, then positions, in statements that may be repeated.

A stored row belongs to its identity, not to the consumer that wrote it: a row that an earlier
attempt, a predecessor or a zombie stored from its own offset is no duplicate for anyone. Positions
are updated only if they equal the expected ones. So a statement that is repeated, or that the
server executes long after its client gave up, changes nothing. Whether an append landed is
decided by reading the positions, never by the class of an error.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import numpy as np

from classwaves_runtime.failpoints import FailPoint
from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.batch import Batch, Digests, Found, deduplicate, in_table_order
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.databricks.ledger_tables import LedgerTables, PositionUpdate
from classwaves_warehouse.databricks.retry import retry
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.fencing import check_topic_id, compare_positions
from classwaves_warehouse.interface import Fenced, Positions, Stored, Stream
from classwaves_warehouse.offset_sums import NO_OFFSETS

T = TypeVar("T")

_BEFORE_ROWS = FailPoint("adding-rows")
_AFTER_ROWS = FailPoint("rows-added")
_AFTER_POSITIONS = FailPoint("positions-moved")


@dataclass(frozen=True, slots=True)
class _SentUpdate:
    """A position update that was sent, and the answer to the append if it landed."""

    progress: Mapping[int, Progress]
    stored: Stored


class DatabricksLedger:
    """The `Ledger` of a SQL warehouse.

    Args:
        tables: used by this ledger alone.
        stream: the consumer group and topic.
        check: called before the first statement; raises if a table differs from its contract.
        retry_policy: of each call.
    """

    def __init__(
        self,
        tables: LedgerTables,
        stream: Stream,
        check: Callable[[], None],
        retry_policy: RetryPolicy,
    ) -> None:
        self._tables = tables
        self._stream = stream
        self._check: Callable[[], None] | None = check
        self._retry_policy = retry_policy
        self._sent: _SentUpdate | None = None

    def checkpoints(self) -> Mapping[int, Checkpoint]:
        """The latest checkpoint of every partition that has one, read from the table now."""

        def step(_attempt: int) -> Mapping[int, Checkpoint]:
            checkpoints = self._tables.checkpoints()
            check_topic_id(self._stream, checkpoints.keys())
            return checkpoints.get(self._stream.topic_id, {})

        return self._run(step)

    def prepare(self, around: datetime) -> None:
        """Do nothing: the warehouse compares a batch with its rows by itself."""

    def append(
        self, batch: Batch, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced:
        """Insert the rows that are not stored yet, then update positions and counters."""
        expected = {partition: expected.get(partition) for partition in progress}

        def step(attempt: int) -> Stored | Fenced:
            answer: Stored | Fenced | None = None
            if attempt > 1 or self._sent is not None:
                answer = self._find_outcome(expected, progress)
            answer = (
                answer
                or self._try(batch, expected, progress, attempt)
                or self._find_outcome(expected, progress)
            )
            if answer is None:
                raise WarehouseUnavailable(
                    f"{self._stream}: rows or positions were not written, although the positions"
                    " are the expected ones."
                )
            return answer

        answer = self._run(step)
        self._sent = None
        return answer

    def accept_topic(self) -> None:
        """Accept the topic's current id as the one to read from now on."""
        self._run(lambda _attempt: self._tables.accept_topic_id())

    def acknowledge_expired(self, offsets: Mapping[int, int]) -> None:
        """Record the expired offsets of each partition that an operator knows of."""
        self._run(lambda _attempt: self._tables.acknowledge_expired(offsets))

    def _run(self, step: Callable[[int], T]) -> T:
        def checked_step(attempt: int) -> T:
            if self._check is not None:
                self._check()
                self._check = None
            return step(attempt)

        return retry(self._retry_policy, checked_step)

    def _find_outcome(
        self, expected: Positions, progress: Mapping[int, Progress]
    ) -> Stored | Fenced | None:
        """The outcome of this append by the stored positions; None if it has not landed yet."""
        checkpoints = self._tables.checkpoints().get(self._stream.topic_id, {})
        actual = {partition: each.position for partition, each in checkpoints.items()}
        answer = compare_positions(actual, expected, progress)
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
        """Execute both statements; None if the positions were not updated."""
        deduplicated = deduplicate(batch, _none_stored)
        new = batch.where(deduplicated.new)
        _BEFORE_ROWS.hit()
        inserted = (
            self._tables.insert_rows(Batch(in_table_order(new.rows)), expected) if len(new) else 0
        )
        _AFTER_ROWS.hit()
        duplicates = batch.offsets_by_partition(deduplicated.repeats)
        conflicting = batch.count_by_partition(deduplicated.conflicting)
        if inserted < len(new):
            outcomes = self._tables.row_outcomes(batch)
            if sum(each.stored for each in outcomes.values()) < len(batch):
                # The positions differ, or the server did not read every row: store them again.
                return None
            read = batch.offsets_by_partition(np.ones(len(batch), np.bool_))
            duplicates = {p: read[p] - each.own_rows for p, each in outcomes.items()}
            conflicting = {p: each.conflicting for p, each in outcomes.items()}
        counts = {partition: offsets.count for partition, offsets in duplicates.items()}
        rows = len(batch) - sum(counts.values())
        stored = Stored(rows, _without_zeros(counts), _without_zeros(conflicting), attempt)
        self._sent = _SentUpdate(progress, stored)
        updates = {
            partition: PositionUpdate(
                expected[partition],
                each,
                duplicates.get(partition, NO_OFFSETS),
                conflicting.get(partition, 0),
            )
            for partition, each in progress.items()
        }
        updated = self._tables.update_positions(updates)
        _AFTER_POSITIONS.hit()
        return stored if updated == len(updates) else None


def _none_stored(identities: Digests) -> Found:
    """Compare a batch with itself only: the statement compares it with the table."""
    return Found.none(len(identities))


def _without_zeros(counts: Mapping[int, int]) -> Mapping[int, int]:
    return {partition: count for partition, count in counts.items() if count}
