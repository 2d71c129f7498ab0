"""Owners, zombies, crashes, faults and repeats in any order, against a model.

Three partitions have messages, and up to four writers read and append them. Each writer expects the
positions that it last loaded or got as an answer, which may be old.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import (
    Fenced,
    Ledger,
    PartitionRows,
    Positions,
    Stored,
    Warehouse,
)
from classwaves_warehouse.offset_sums import OffsetSums
from tests.support.ledger_model import LedgerModel, first_try
from tests.support.rows import STREAM, batch, event, timeline

PARTITIONS = range(3)
SESSIONS = ("s1", "s2", "s3", "s4")

Message = tuple[str, str, str, int] | None
"""Session, id, payload and minutes since the morning; None for a message that is dead-lettered."""

messages = st.none() | st.tuples(
    st.sampled_from(SESSIONS),
    st.sampled_from("abcdef"),
    st.sampled_from(["{}", "[]"]),
    st.sampled_from([0, 59, 720]),
)
some_partitions = st.sets(st.sampled_from(PARTITIONS), min_size=1)


@dataclass(eq=False)
class Writer:
    """A ledger, and the positions that its owner expects."""

    ledger: Ledger
    expected: dict[int, int | None] = field(default_factory=dict)

    def load(self, partitions: set[int]) -> None:
        """Take over partitions, as a consumer does when they are assigned."""
        checkpoints = self.ledger.checkpoints()
        self.expected = {
            p: checkpoints[p].position if p in checkpoints else None for p in partitions
        }


class WarehouseMachine(RuleBasedStateMachine):
    """The state machine; subclasses add the warehouse, its faults and other writers."""

    def __init__(self) -> None:
        super().__init__()
        self.warehouse = self.open()
        self.model = LedgerModel()
        self.logs: dict[int, list[Message]] = {partition: [] for partition in PARTITIONS}
        self.writers: list[Writer] = []

    def open(self) -> Warehouse:
        """An empty warehouse."""
        raise NotImplementedError

    def fail_next_commit(self, moment: str) -> None:
        """Make the next commit raise, "before" or "after" it has landed."""
        raise NotImplementedError

    def disturb(self, choice: int) -> None:
        """Change the table from outside, but not its rows."""

    @rule(partition=st.sampled_from(PARTITIONS), sent=st.lists(messages, min_size=1, max_size=6))
    def produce(self, partition: int, sent: list[Message]) -> None:
        self.logs[partition].extend(sent)

    @precondition(lambda self: len(self.writers) < 4)
    @rule(partitions=some_partitions)
    def join(self, partitions: set[int]) -> None:
        writer = Writer(self.warehouse.ledger(STREAM))
        writer.load(partitions)
        self.writers.append(writer)

    @precondition(lambda self: self.writers)
    @rule(data=st.data(), partitions=some_partitions)
    def rebalance(self, data: st.DataObject, partitions: set[int]) -> None:
        self._any_writer(data).load(partitions)

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        self.writers.remove(self._any_writer(data))

    @rule(choice=st.integers(0, 3))
    def disturb_from_outside(self, choice: int) -> None:
        self.disturb(choice)

    @precondition(lambda self: self.writers)
    @rule(
        data=st.data(),
        most=st.integers(0, 6),
        fault=st.sampled_from([None, None, "before", "after"]),
    )
    def append(self, data: st.DataObject, most: int, fault: str | None) -> None:
        writer = self._any_writer(data)
        partitions = data.draw(st.sets(st.sampled_from(sorted(writer.expected)), min_size=1))
        expected = {partition: writer.expected[partition] for partition in sorted(partitions)}
        rows, progress = self._read(expected, most)
        if fault is not None:
            self.fail_next_commit(fault)
        try:
            answer = writer.ledger.append(batch(*rows), expected, progress)
        except WarehouseUnavailable:
            answer = writer.ledger.append(batch(*rows), expected, progress)
        due = self.model.append(rows, expected, progress)
        assert isinstance(answer, Stored) if due is None else first_try(answer) == due
        reached = {partition: each.position for partition, each in progress.items()}
        writer.expected.update(answer.positions if isinstance(answer, Fenced) else reached)

    @invariant()
    def checkpoints_are_those_of_the_model(self) -> None:
        assert self.warehouse.ledger(STREAM).checkpoints() == self.model.checkpoints

    @invariant()
    def every_offset_is_accounted_for(self) -> None:
        rows = self.warehouse.events.partition_rows(STREAM, self.model.checkpoints)
        for partition, checkpoint in self.model.checkpoints.items():
            stored = rows.get(partition, PartitionRows()).rows
            assert (
                OffsetSums.of_range(checkpoint.first_offset, checkpoint.position)
                == stored + checkpoint.duplicates + checkpoint.dead_letters
            )

    def teardown(self) -> None:
        found = [
            row for session in SESSIONS for row in timeline(self.warehouse, session).to_pylist()
        ]
        assert {(row["session_id"], row["id"]): row["payload"] for row in found} == {
            identity: row["payload"] for identity, row in self.model.rows.items()
        }
        assert len(found) == len(self.model.rows)

    def _any_writer(self, data: st.DataObject) -> Writer:
        return self.writers[data.draw(st.integers(0, len(self.writers) - 1))]

    def _read(
        self, expected: Positions, most: int
    ) -> tuple[list[dict[str, Any]], Mapping[int, Progress]]:
        """The rows of up to `most` messages of each partition, and their progress."""
        rows: list[dict[str, Any]] = []
        progress: dict[int, Progress] = {}
        for partition, position in expected.items():
            start = position or 0
            taken = self.logs[partition][start : start + most]
            for offset, message in enumerate(taken, start):
                if message is not None:
                    session, id_, payload, minutes = message
                    coordinates = {"partition": partition, "offset": offset}
                    rows.append(
                        event(
                            id_, session_id=session, payload=payload, minutes=minutes, **coordinates
                        )
                    )
            refused = [offset for offset, message in enumerate(taken, start) if message is None]
            dead_lettered = {"not_json": OffsetSums.of(refused)} if refused else {}
            progress[partition] = Progress(start + len(taken), dead_lettered=dead_lettered)
        return rows, progress
