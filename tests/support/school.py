"""A school whose hours are rolled up: events on one side, the ledger and the rows on the other."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from classwaves_rollup.hour import HourRun
from classwaves_rollup.ingestion import Ingestion
from classwaves_rollup.rates import Rates
from classwaves_rollup.repair import Look
from classwaves_rollup.run import Run
from classwaves_rollup.runs import Runs, read_runs
from classwaves_rollup.taking_over import Patience
from classwaves_runtime.clock import ManualClock
from classwaves_schemas.tables import (
    DASHBOARD_METRICS_HOURLY,
    ROLLUP_FACTS_HOURLY,
    SESSION_EVENTS,
    Table,
)
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.interface import Warehouse
from classwaves_warehouse.memory import MemoryWarehouse
from classwaves_warehouse.stream import Stream
from tests.support.rows import batch
from tests.support.sources import fill

TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)
HOUR = timedelta(hours=1)
INGESTION = Ingestion("ingestor", "session-events")
STREAM = Stream(INGESTION.group, INGESTION.topic, "topic-1")


def at(minutes: float) -> datetime:
    """So many minutes after ten o'clock."""
    return TEN + timedelta(minutes=minutes)


def told(session: str, event_type: str, minutes: float, **columns: Any) -> dict[str, Any]:
    """A row of session_events, of a session of school-1 unless said otherwise; its id says what it is."""
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


class School:
    """A warehouse, a clock, and what the rollup makes of both.

    Args:
        warehouse: with its own tables, empty; by default one in memory.
        now: where the clock stands.
    """

    def __init__(self, warehouse: Warehouse | None = None, now: datetime = TEN + 2 * HOUR) -> None:
        self.warehouse = warehouse or MemoryWarehouse()
        self.clock = ManualClock(now)
        self.hour_run = HourRun(self.warehouse.hours(), INGESTION, Rates(), self.clock)
        self.look = Look(Patience(self.hour_run.owner, self.clock))

    @property
    def runs(self) -> Runs:
        """The ledger."""
        return read_runs(self.hour_run.hours)

    def tell(self, *rows: Mapping[str, Any], table: Table = SESSION_EVENTS) -> None:
        """Add rows to a source."""
        fill(self.warehouse, table, rows)

    def ingested(self, until: datetime, partition: int = 0) -> None:
        """A partition is stored up to this time of the broker, from its beginning."""
        ledger = self.warehouse.ledger(STREAM)
        known = {number: each.position for number, each in ledger.checkpoints().items()}
        progress = Progress(known.get(partition, 0), stored_until_ms=int(until.timestamp() * 1000))
        ledger.append(batch(), {partition: known.get(partition)}, {partition: progress})

    def compute(self, *hours: datetime) -> Sequence[Run]:
        """Compute hours one after the other."""
        done = []
        for hour in hours:
            runs = self.runs
            done.append(self.hour_run.compute(hour, runs.get(hour), runs.examined))
        return done

    def dirty(self) -> list[datetime]:
        """Look at what came late; the hours that are dirty then, oldest first."""
        marked: list[datetime] = []
        self.look.at(self.hour_run.hours, marked.extend)
        return sorted(marked)

    def rows(self, table: Table = DASHBOARD_METRICS_HOURLY) -> list[dict[str, Any]]:
        """What the rollup has written, in a fixed order."""
        return written(self.warehouse, table)


def written(warehouse: Warehouse, table: Table) -> list[dict[str, Any]]:
    """All rows of a table, in a fixed order."""
    with warehouse.hours().snapshot([table]) as snapshot:
        columns = ", ".join(table.column_names)
        rows: list[dict[str, Any]] = snapshot.query(
            f"SELECT {columns} FROM {table.name}", {}
        ).to_pylist()
    return sorted(rows, key=str)


def everything(warehouse: Warehouse) -> list[list[dict[str, Any]]]:
    """Facts and rows of all hours."""
    return [written(warehouse, table) for table in (ROLLUP_FACTS_HOURLY, DASHBOARD_METRICS_HOURLY)]
