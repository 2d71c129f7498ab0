"""Owners, zombies, crashes and lost replies in any order, and at any statement."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.databricks.ledger import DatabricksLedger
from classwaves_warehouse.databricks.patience import Patience
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import Fenced, PartitionRows
from classwaves_warehouse.memory import MemoryEvents
from tests.support.memory_books import MOMENTS, STATEMENTS, MemoryBooks, Tables
from tests.support.rows import MORNING, STREAM, batch, event
from tests.support.warehouse_machine import (
    PARTITIONS,
    SESSIONS,
    WarehouseMachine,
    Writer,
    some_partitions,
)


class StatementWarehouse:
    """A warehouse on tables in memory, as far as the machine asks."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.events = self

    def ledger(self, stream):
        patience = Patience(sleep=lambda _: None, attempts=2)
        return DatabricksLedger(MemoryBooks(self._tables, stream), stream, lambda: None, patience)

    def partition_rows(self, stream):
        return MemoryEvents(self).partition_rows(stream)

    def timeline(self, session_id):
        return MemoryEvents(self).timeline(session_id)

    def rows(self):
        return batch(*self._tables.rows).rows


class LedgerMachine(WarehouseMachine):
    """Against the model of one truth: whatever is lost or comes late, each answer is the one that is due."""

    def open(self):
        self.tables = Tables()
        return StatementWarehouse(self.tables)

    def fail_next_commit(self, moment):
        self.tables.due.append(("move", f"lost {moment}"))

    @rule(statement=st.sampled_from(STATEMENTS[:3]), moment=st.sampled_from(MOMENTS))
    def lose(self, statement, moment):
        self.tables.due = [(statement, moment)]

    def disturb(self, choice):
        self.tables.let_ghosts_run()


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


class RaceMachine(RuleBasedStateMachine):
    """Appends of other owners come between the statements of one: whoever wins, each event is there once.

    Of repeats that are days apart, each day's may be there: they are one event only within 24 h, or within a batch.
    Every partition's log is stored to its end at last; then it must add up.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tables = Tables()
        self.logs: dict[int, list[tuple[str, str, int]]] = {
            partition: [] for partition in PARTITIONS
        }
        self.writers: list[Writer] = []
        self.busy: list[Writer] = []

    @rule(
        partition=st.sampled_from(PARTITIONS),
        sent=st.lists(
            st.tuples(
                st.sampled_from(SESSIONS), st.sampled_from("abcdef"), st.sampled_from([0, 0, 0, 3])
            ),
            min_size=1,
            max_size=5,
        ),
    )
    def produce(self, partition, sent):
        self.logs[partition].extend(sent)

    @precondition(lambda self: len(self.writers) < 4)
    @rule(partitions=some_partitions)
    def join(self, partitions):
        writer = Writer(StatementWarehouse(self.tables).ledger(STREAM))
        writer.load(partitions)
        self.writers.append(writer)

    @precondition(lambda self: self.writers)
    @rule(data=st.data())
    def append(self, data):
        nested = data.draw(st.integers(0, 3))

        def between(_name):
            nonlocal nested
            others = [writer for writer in self.writers if writer not in self.busy]
            if others and nested and data.draw(st.booleans()):
                nested -= 1
                self._append(data.draw(st.sampled_from(others)), data.draw(st.integers(1, 4)))
            elif data.draw(st.integers(0, 5)) == 0:
                self.tables.let_ghosts_run()

        self.tables.between = between
        self.tables.due = data.draw(
            st.lists(st.tuples(st.sampled_from(STATEMENTS), st.sampled_from(MOMENTS)), max_size=2)
        )
        self._append(data.draw(st.sampled_from(self.writers)), data.draw(st.integers(1, 4)))
        self.tables.between = lambda _: None
        self.tables.due = []

    def teardown(self):
        self.tables.let_ghosts_run()
        last = Writer(StatementWarehouse(self.tables).ledger(STREAM))
        last.load(set(PARTITIONS))
        self._append(last, 10_000)
        self.tables.let_ghosts_run()
        sent = {message for log in self.logs.values() for message in log}
        found = [
            (row["session_id"], row["id"], (row["event_time"] - MORNING).days)
            for row in self.tables.rows
        ]
        assert len(found) == len(set(found))
        assert set(found) <= sent
        assert {identity[:2] for identity in found} == {identity[:2] for identity in sent}
        rows = StatementWarehouse(self.tables).partition_rows(STREAM)
        for partition, log in self.logs.items():
            held = last.ledger.checkpoints()[partition]
            assert held.position == len(log)
            stored = rows.get(partition, PartitionRows(0, 0, 0, 0)).offsets
            assert held.position - held.first_offset == stored + held.duplicates

    def _append(self, writer: Writer, most: int) -> None:
        rows: list[dict[str, Any]] = []
        believed = dict(writer.believed)
        progress: dict[int, Progress] = {}
        for partition, position in believed.items():
            start = position or 0
            taken = self.logs[partition][start : start + most]
            for offset, (session, id_, day) in enumerate(taken, start):
                place = {"partition": partition, "offset": offset}
                rows.append(event(id_, session_id=session, minutes=day * 24 * 60, **place))
            progress[partition] = Progress(start + len(taken))
        self.busy.append(writer)
        try:
            answer = writer.ledger.append(batch(*rows), believed, progress)
        except WarehouseUnavailable:
            return  # and the writer is none the wiser
        finally:
            self.busy.remove(writer)
        reached = {partition: made.position for partition, made in progress.items()}
        writer.believed.update(answer.positions if isinstance(answer, Fenced) else reached)


TestRaceMachine = RaceMachine.TestCase
TestRaceMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
