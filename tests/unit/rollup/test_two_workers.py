"""Two workers on one warehouse: neither takes an hour from the other that is being computed, and nothing is lost."""

import pytest
from prometheus_client import CollectorRegistry

from classwaves_rollup import metrics
from classwaves_rollup.hour import HourRun
from classwaves_rollup.observer import Observer
from classwaves_rollup.rates import Rates
from classwaves_rollup.repair import Look
from classwaves_rollup.run import State
from classwaves_rollup.runs import read_runs
from classwaves_rollup.taking_over import PATIENCE_SECONDS, Patience
from classwaves_rollup.worker import Worker
from classwaves_runtime.clock import ManualClock
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.memory import MemoryWarehouse
from tests.support.school import HOUR, INGESTION, TEN, told
from tests.support.sources import fill

ELEVEN = TEN + HOUR


class Pair:
    """Two workers at five past twelve, and what happens while an hour is being computed."""

    def __init__(self):
        self.clock = ManualClock(ELEVEN + HOUR + HOUR / 12)
        self.meanwhile = []
        self.warehouse = MemoryWarehouse(self._on_commit)
        self.one, self.other = self._worker(), self._worker()

    def _worker(self):
        run = HourRun(self.warehouse.hours(), INGESTION, Rates(), self.clock)
        patience = Patience(run.owner, self.clock)
        observer = Observer(
            Meters(metrics.WORKER, CollectorRegistry()), Health(self.clock), self.clock
        )
        return Worker(run, Look(patience), patience, observer, self.clock, stopping=lambda: False)

    def _on_commit(self, moment):
        begun = moment == "before" and any(run.state is State.RUNNING for run in self.runs.values())
        if begun and self.meanwhile:
            self.meanwhile.pop(0)()

    @property
    def runs(self):
        return read_runs(self.warehouse.hours())

    def tell(self, *rows):
        fill(self.warehouse, SESSION_EVENTS, rows)

    def owns(self, worker, hour=ELEVEN):
        return self.runs[hour].state is State.DONE and self.runs[hour].belongs_to(worker.run.owner)


@pytest.fixture
def pair(quick):
    return Pair()


def test_an_event_does_not_take_an_hour_from_the_worker_that_computes_it(pair):
    pair.meanwhile = [lambda: pair.tell(told("s1", "started", 70)), pair.other.round]
    pair.one.round()
    assert pair.owns(pair.one)


def test_what_came_while_an_hour_was_computed_is_found_by_the_next_look(pair):
    versions = []

    def meanwhile():
        pair.tell(told("s1", "started", 70))
        pair.other.round()
        versions.append(dict(pair.other.look.examined))

    pair.meanwhile = [meanwhile]
    pair.one.round()
    assert versions == [{}]
    assert pair.runs[ELEVEN].state is State.DONE
    assert pair.runs[ELEVEN].source_versions["analytics.session_events"] == 1


def test_who_has_computed_an_hour_for_too_long_loses_it_at_the_next_event(pair):
    def much_later():
        pair.other.round()
        pair.clock.advance(PATIENCE_SECONDS)
        pair.tell(told("s1", "started", 70))
        pair.other.round()

    pair.meanwhile = [much_later]
    pair.one.round()
    assert pair.owns(pair.other)
