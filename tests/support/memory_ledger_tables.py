"""`LedgerTables` in memory, statement by statement as a SQL warehouse executes them.

Each statement is atomic, as in Delta. A test decides which statements run in between and which
replies are lost.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Checkpoint, begun
from classwaves_warehouse.databricks.ledger_tables import PositionUpdate, RowOutcomes
from classwaves_warehouse.databricks.statements import (
    DEDUP_MARGIN,
    TimeRange,
    split_into_payloads,
)
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import Positions, Stream
from classwaves_warehouse.offset_sums import NO_OFFSETS, OffsetSums

T = TypeVar("T")

STATEMENTS = ("insert_rows", "row_outcomes", "update_positions", "checkpoints")
FAULTS = ("lost before", "lost after", "late")
"""Not executed; executed, and the reply is lost; executed after the client has given up."""


@dataclass
class StoredTables:
    """The tables that all ledgers share.

    Args:
        faults: of later statements, in order: the statement's name and its fault.
        late: statements that the server executes after their clients have given up.
        before_each: called before each statement with its name.
        executed: names of the statements that clients sent.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    positions: dict[tuple[str, str, str], dict[int, Checkpoint]] = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)
    late: list[Callable[[], object]] = field(default_factory=list)
    before_each: Callable[[str], None] = lambda _name: None
    executed: list[str] = field(default_factory=list)

    def execute(self, name: str, statement: Callable[[], T]) -> T:
        """Run a statement, under the next fault if it is for this statement."""
        self.before_each(name)
        self.executed.append(name)
        fault = self.faults.pop(0)[1] if self.faults and self.faults[0][0] == name else None
        if fault is None:
            return statement()
        if fault == "lost after":
            statement()
        if fault == "late":
            self.late.append(statement)
        raise WarehouseUnavailable(f"{name}: {fault}")

    def run_late_statements(self) -> None:
        while self.late:
            self.late.pop(0)()

    def with_identity(
        self, row: Mapping[str, Any], window: Sequence[TimeRange]
    ) -> list[dict[str, Any]]:
        """The stored rows with the identity of a row and an event_time in the window."""
        return [
            stored
            for stored in self.rows
            if (stored["session_id"], stored["id"]) == (row["session_id"], row["id"])
            and any(first <= stored["event_time"] <= last for first, last in window)
        ]


class MemoryLedgerTables:
    """`LedgerTables` of one stream."""

    def __init__(self, tables: StoredTables, stream: Stream) -> None:
        self._tables = tables
        self._stream = stream

    def insert_rows(self, rows: Batch, expected: Positions) -> int:
        def statement() -> int:
            if self._unexpected(expected):
                return 0
            new = [
                row
                for row in rows.rows.to_pylist()
                if not self._tables.with_identity(row, [_around(row)])
            ]
            self._tables.rows.extend(new)
            return len(new)

        return self._tables.execute("insert_rows", statement)

    def row_outcomes(self, batch: Batch) -> Mapping[int, RowOutcomes]:
        return self._tables.execute("row_outcomes", lambda: self._row_outcomes(batch))

    def update_positions(self, updates: Mapping[int, PositionUpdate]) -> int:
        def statement() -> int:
            if self._unexpected({p: update.expected for p, update in updates.items()}):
                return 0
            for partition, update in updates.items():
                before = self._checkpoints.get(partition) or begun(update.progress)
                self._checkpoints[partition] = before.advanced(
                    update.progress, update.duplicates, update.conflicting
                )
            return len(updates)

        return self._tables.execute("update_positions", statement)

    def checkpoints(self) -> Mapping[str, Mapping[int, Checkpoint]]:
        def statement() -> Mapping[str, Mapping[int, Checkpoint]]:
            return {
                topic_id: dict(checkpoints)
                for (group, topic, topic_id), checkpoints in self._tables.positions.items()
                if (group, topic) == (self._stream.group, self._stream.topic)
            }

        return self._tables.execute("checkpoints", statement)

    def accept_topic_id(self) -> None:
        self._tables.execute("accept_topic_id", lambda: self._checkpoints)

    def acknowledge_expired(self, offsets: Mapping[int, int]) -> None:
        def statement() -> None:
            for partition, count in offsets.items():
                self._checkpoints[partition] = replace(
                    self._checkpoints[partition], acknowledged=count
                )

        self._tables.execute("acknowledge_expired", statement)

    @property
    def _key(self) -> tuple[str, str, str]:
        return self._stream.group, self._stream.topic, self._stream.topic_id

    @property
    def _checkpoints(self) -> dict[int, Checkpoint]:
        return self._tables.positions.setdefault(self._key, {})

    def _unexpected(self, expected: Positions) -> list[int]:
        checkpoints = self._tables.positions.get(self._key, {})
        actual = {partition: each.position for partition, each in checkpoints.items()}
        return [
            partition
            for partition, position in expected.items()
            if actual.get(partition) != position
        ]

    def _row_outcomes(self, batch: Batch) -> Mapping[int, RowOutcomes]:
        outcomes: dict[int, RowOutcomes] = {}
        window = next(split_into_payloads(batch)).window
        for row in batch.rows.to_pylist():
            stored = self._tables.with_identity(row, window)
            is_own = _any_equal(stored, row, "kafka_topic_id", "kafka_partition", "kafka_offset")
            is_equal = _any_equal(stored, row, "event_time", "payload")
            before = outcomes.get(row["kafka_partition"], RowOutcomes(0, 0, NO_OFFSETS, 0))
            outcomes[row["kafka_partition"]] = before + RowOutcomes(
                incoming=1,
                stored=bool(stored),
                own_rows=OffsetSums.of([row["kafka_offset"]] if is_own else []),
                conflicting=bool(stored) and not is_own and not is_equal,
            )
        return outcomes


def _any_equal(stored: Sequence[Mapping[str, Any]], row: Mapping[str, Any], *columns: str) -> bool:
    return any(all(each[name] == row[name] for name in columns) for each in stored)


def _around(row: Mapping[str, Any]) -> TimeRange:
    return TimeRange(row["event_time"] - DEDUP_MARGIN, row["event_time"] + DEDUP_MARGIN)
