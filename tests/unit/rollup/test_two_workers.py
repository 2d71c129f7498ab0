"""Two workers on one warehouse: neither takes over an hour that the other computes."""

import pytest
from prometheus_client import CollectorRegistry

from classwaves_rollup import metrics
from classwaves_rollup.formulas import Rates
from classwaves_rollup.hour_computer import HourComputer
from classwaves_rollup.late_data import LateDataScan
from classwaves_rollup.observer import Observer
from classwaves_rollup.run_log import TAKEOVER_SECONDS, State, TakeoverTimeout, read_run_log
from classwaves_rollup.worker import Worker
from classwaves_runtime.clock import ManualClock
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from tests.support.rollup.harness import HOUR, INGESTION, TEN, event_row
from tests.support.sources import fill

ELEVEN = TEN + HOUR
LATE = event_row("s1", "started", 70)


class WorkerPair:
    """Two workers at five past twelve.

    Args:
        options: of their computers.
    """

    def __init__(self, **options):
        self.clock = ManualClock(ELEVEN + HOUR + HOUR / 12)
        self.meanwhile = []
        """What to do while an hour is computed, in turn."""
        self.warehouse = MemoryWarehouse(self._on_commit)
        self.one, self.other = self._worker(options), self._worker(options)

    def _worker(self, options):
        computer = HourComputer(self.warehouse.rollup(), INGESTION, Rates(), self.clock, **options)
        takeover = TakeoverTimeout(computer.owner, self.clock)
        observer = Observer(
            Meters(metrics.WORKER, CollectorRegistry()), Health(self.clock), self.clock
        )
        return Worker(
            computer, LateDataScan(takeover), takeover, observer, self.clock, lambda: False
        )

    def _on_commit(self, moment):
        running = any(run.state is State.RUNNING for run in self.run_log.values())
        if moment == "before" and running and self.meanwhile:
            self.meanwhile.pop(0)()

    @property
    def run_log(self):
        return read_run_log(self.warehouse.rollup())

    def add(self, *rows):
        fill(self.warehouse, SESSION_EVENTS, rows)

    def computed_by(self, worker):
        run = self.run_log[ELEVEN]
        return run.state is State.DONE and run.belongs_to(worker.computer.owner)


@pytest.fixture
def pair(quick):
    return WorkerPair(**quick)


def test_an_event_does_not_take_an_hour_from_the_worker_that_computes_it(pair):
    pair.meanwhile = [lambda: pair.add(LATE), pair.other.run_once]
    pair.one.run_once()
    assert pair.computed_by(pair.one)


def test_an_event_that_arrived_while_an_hour_was_computed_is_found_by_the_next_scan(pair):
    versions = []

    def meanwhile():
        pair.add(LATE)
        pair.other.run_once()
        versions.append(dict(pair.other.scan.examined_versions))

    pair.meanwhile = [meanwhile]
    pair.one.run_once()
    assert versions == [{}]
    assert pair.run_log[ELEVEN].state is State.DONE
    assert pair.run_log[ELEVEN].source_versions["analytics.session_events"] == 1


def test_an_hour_is_taken_over_at_the_next_event_after_the_timeout(pair):
    def much_later():
        pair.other.run_once()
        pair.clock.advance(TAKEOVER_SECONDS)
        pair.add(LATE)
        pair.other.run_once()

    pair.meanwhile = [much_later]
    pair.one.run_once()
    assert pair.computed_by(pair.other)
