"""A warehouse with rollup tables, and the parts of the rollup that tests run on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pyarrow as pa

from classwaves_rollup.formulas import Rates
from classwaves_rollup.hour_computer import HourComputer, Ingestion
from classwaves_rollup.late_data import LateDataScan
from classwaves_rollup.run_log import Run, RunLog, TakeoverTimeout, read_run_log
from classwaves_runtime.clock import ManualClock
from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import (
    DASHBOARD_METRICS_HOURLY,
    ROLLUP_FACTS_HOURLY,
    ROLLUP_RUNS,
    SESSION_EVENTS,
    Table,
)
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import ConcurrentWrite
from classwaves_warehouse.interface import Stream, Warehouse
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from tests.support.rows import batch
from tests.support.sources import fill

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
INGESTION = Ingestion("ingestor", "session-events")
NO_PAUSES = RetryPolicy(attempts=8, sleep=lambda _: None)
STREAM = Stream(INGESTION.group, INGESTION.topic, "topic-1")


def at(minutes: float) -> datetime:
    """A time, in minutes after ten o'clock."""
    return TEN + timedelta(minutes=minutes)


def event_row(session: str, event_type: str, minutes: float, **columns: Any) -> dict[str, Any]:
    """A row of session_events, by default of school-1. Its id describes it."""
    return {
        "id": f"{session} {event_type} {minutes}",
        "session_id": session,
        "teacher_id": f"teacher of {session}",
        "event_type": event_type,
        "event_time": at(minutes),
        "payload": "{}",
        "created_at": at(minutes),
        "school_id": "school-1",
        **columns,
    }


class RollupHarness:
    """A warehouse, a clock, a computer of hours and a scan for late data.

    Args:
        warehouse: with its own tables, empty; by default in memory.
        now: of the clock.
        computer: options of the `HourComputer`.
    """

    def __init__(
        self, warehouse: Warehouse | None = None, now: datetime = TEN + 2 * HOUR, **computer: Any
    ) -> None:
        self.warehouse = warehouse or MemoryWarehouse()
        self.clock = ManualClock(now)
        options = {"ingestion": INGESTION, "rates": Rates(), "clock": self.clock, **computer}
        self.computer = HourComputer(self.warehouse.rollup(), **options)
        self.scan = LateDataScan(TakeoverTimeout(self.computer.owner, self.clock))

    @property
    def run_log(self) -> RunLog:
        """The run log as it is now."""
        return read_run_log(self.computer.store)

    def add(self, *rows: Mapping[str, Any], table: Table = SESSION_EVENTS) -> None:
        """Add rows to a source."""
        fill(self.warehouse, table, rows)

    def set_ingested_through(self, time: datetime, partition: int = 0) -> None:
        """Record that a partition is ingested through this broker time."""
        ledger = self.warehouse.ledger(STREAM)
        known = {number: each.position for number, each in ledger.checkpoints().items()}
        progress = Progress(
            known.get(partition, 0), ingested_through_ms=int(time.timestamp() * 1000)
        )
        ledger.append(batch(), {partition: known.get(partition)}, {partition: progress})

    def compute(self, *hours: datetime) -> Sequence[Run]:
        """Compute hours one after the other."""
        finished = []
        for hour in hours:
            log = self.run_log
            finished.append(self.computer.compute(hour, log.get(hour), log.examined_versions))
        return finished

    def mark_late_data(self, **faults: Sequence["Fault"]) -> list[datetime]:
        """Scan for late data; give the hours that were marked dirty, oldest first.

        Args:
            faults: of the store, as for `FaultyRollupStore`.
        """
        marked: list[datetime] = []
        self.scan.mark(FaultyRollupStore(self.computer.store, **faults), marked.extend)
        return sorted(marked)

    def rows(self, table: Table = DASHBOARD_METRICS_HOURLY) -> list[dict[str, Any]]:
        """What the rollup has written, in a fixed order."""
        return read_table(self.warehouse, table)


def read_table(warehouse: Warehouse, table: Table) -> list[dict[str, Any]]:
    """All rows of a table, in a fixed order."""
    with warehouse.rollup().snapshot([table]) as snapshot:
        columns = ", ".join(table.column_names)
        rows: list[dict[str, Any]] = snapshot.query(
            f"SELECT {columns} FROM {table.name}", {}
        ).to_pylist()
    return sorted(rows, key=str)


def read_results(warehouse: Warehouse) -> list[list[dict[str, Any]]]:
    """The facts and the hourly rows of all hours."""
    return [
        read_table(warehouse, table) for table in (ROLLUP_FACTS_HOURLY, DASHBOARD_METRICS_HOURLY)
    ]


Fault = Exception | Callable[[], object] | None


class FaultyRollupStore:
    """A rollup store with faults before some calls of its methods.

    Args:
        store: the real one.
        faults: method → for each of its calls in turn, an error to raise, something to do first,
            or None.
    """

    def __init__(self, store: Any, **faults: Sequence[Fault]) -> None:
        self._store = store
        self._faults: Mapping[str, Iterator[Fault]] = {
            name: iter(each) for name, each in faults.items()
        }

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def call(*arguments: Any) -> Any:
            fault = next(self._faults.get(name, iter(())), None)
            if isinstance(fault, Exception):
                raise fault
            if fault is not None:
                fault()
            return method(*arguments)

        return call


class FakeRollupStore:
    """A rollup store that holds a run log and nothing else.

    Args:
        run_log: that a snapshot reads.
    """

    def __init__(self, run_log: RunLog) -> None:
        self.run_log = run_log
        self.conflicts = 0
        """How many of the next writes conflict with another run."""

    @contextmanager
    def snapshot(self, tables: Sequence[Table]) -> Iterator[Any]:
        rows = [dict(run.row()) for run in self.run_log.values()]
        table = pa.Table.from_pylist(rows, arrow_schema(ROLLUP_RUNS))
        yield SimpleNamespace(
            versions={each.qualified_name: 1 for each in tables}, query=lambda *_: table
        )

    def upsert_run(self, row: Mapping[str, object], expected_run: str | None) -> None:
        run = Run.from_row(row)
        current = self.run_log.get(run.metric_hour)
        if self.conflicts or (current.run_id if current else None) != expected_run:
            self.conflicts -= 1
            raise ConcurrentWrite
        self.run_log = self.run_log.with_run(run)
