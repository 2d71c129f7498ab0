"""Owners, zombies, crashes and lost replies in any order and at any statement."""

from contextlib import contextmanager
from typing import Any

import pyarrow.compute as pc
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.databricks.ledger import DatabricksLedger
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import Fenced, PartitionRows
from classwaves_warehouse.memory.events import MemoryEvents
from classwaves_warehouse.offset_sums import OffsetSums
from tests.support.memory_ledger_tables import (
    FAULTS,
    STATEMENTS,
    MemoryLedgerTables,
    StoredTables,
)
from tests.support.rows import MORNING, STREAM, batch, event
from tests.support.warehouse_machine import (
    PARTITIONS,
    SESSIONS,
    WarehouseMachine,
    Writer,
    some_partitions,
)


class StatementWarehouse:
    """The part of a warehouse that the machine uses, on tables in memory."""

    def __init__(self, tables: StoredTables) -> None:
        self._tables = tables
        self.events = self

    def ledger(self, stream):
        tables = MemoryLedgerTables(self._tables, stream)
        retry = RetryPolicy(sleep=lambda _: None, attempts=2)
        return DatabricksLedger(tables, stream, lambda: None, retry)

    def partition_rows(self, stream, checkpoints):
        return MemoryEvents(self).partition_rows(stream, checkpoints)

    @contextmanager
    def reader(self):
        yield self

    def pin(self, _tables):
        return self

    def timeline(self, session_id, limit):
        return self.event_rows().filter(pc.field("session_id") == session_id).slice(0, limit)

    def event_rows(self):
        return batch(*self._tables.rows).rows


class LedgerMachine(WarehouseMachine):
    """Each answer is that of the model, whichever replies are lost and statements are late."""

    def open(self):
        self.tables = StoredTables()
        return StatementWarehouse(self.tables)

    def fail_next_commit(self, moment):
        self.tables.faults.append(("update_positions", f"lost {moment}"))

    @rule(statement=st.sampled_from(STATEMENTS[:3]), fault=st.sampled_from(FAULTS))
    def lose(self, statement, fault):
        self.tables.faults = [(statement, fault)]

    def disturb(self, choice):
        self.tables.run_late_statements()


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)


class RaceMachine(RuleBasedStateMachine):
    """Appends of other owners run between the statements of one; each event is stored once.

    Repeats that are days apart may each be stored: they are one event only within 24 h, or within
    a batch. At the end every partition's log is stored completely, and its counters add up.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tables = StoredTables()
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

        def before_each(_name):
            nonlocal nested
            others = [writer for writer in self.writers if writer not in self.busy]
            if others and nested and data.draw(st.booleans()):
                nested -= 1
                self._append(data.draw(st.sampled_from(others)), data.draw(st.integers(1, 4)))
            elif data.draw(st.integers(0, 5)) == 0:
                self.tables.run_late_statements()

        self.tables.before_each = before_each
        self.tables.faults = data.draw(
            st.lists(st.tuples(st.sampled_from(STATEMENTS), st.sampled_from(FAULTS)), max_size=2)
        )
        self._append(data.draw(st.sampled_from(self.writers)), data.draw(st.integers(1, 4)))
        self.tables.before_each = lambda _: None
        self.tables.faults = []

    def teardown(self):
        self.tables.run_late_statements()
        last = Writer(StatementWarehouse(self.tables).ledger(STREAM))
        last.load(set(PARTITIONS))
        self._append(last, 10_000)
        self.tables.run_late_statements()
        sent = {message for log in self.logs.values() for message in log}
        stored = [
            (row["session_id"], row["id"], (row["event_time"] - MORNING).days)
            for row in self.tables.rows
        ]
        assert len(stored) == len(set(stored))
        assert set(stored) <= sent
        assert {identity[:2] for identity in stored} == {identity[:2] for identity in sent}
        checkpoints = last.ledger.checkpoints()
        rows = StatementWarehouse(self.tables).partition_rows(STREAM, checkpoints)
        for partition, log in self.logs.items():
            checkpoint = checkpoints[partition]
            assert checkpoint.position == len(log)
            stored = rows.get(partition, PartitionRows()).rows
            assert OffsetSums.of_range(0, len(log)) == stored + checkpoint.duplicates

    def _append(self, writer: Writer, max_messages: int) -> None:
        rows: list[dict[str, Any]] = []
        expected = dict(writer.expected)
        progress: dict[int, Progress] = {}
        for partition, position in expected.items():
            start = position or 0
            taken = self.logs[partition][start : start + max_messages]
            for offset, (session, id_, day) in enumerate(taken, start):
                rows.append(
                    event(
                        id_,
                        session_id=session,
                        minutes=day * 24 * 60,
                        partition=partition,
                        offset=offset,
                    )
                )
            progress[partition] = Progress(start + len(taken))
        self.busy.append(writer)
        try:
            answer = writer.ledger.append(batch(*rows), expected, progress)
        except WarehouseUnavailable:
            return  # the writer does not know the outcome
        finally:
            self.busy.remove(writer)
        stored_positions = {partition: each.position for partition, each in progress.items()}
        writer.expected.update(answer.positions if isinstance(answer, Fenced) else stored_positions)


TestRaceMachine = RaceMachine.TestCase
TestRaceMachine.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
