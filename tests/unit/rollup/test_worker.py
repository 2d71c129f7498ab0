from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from classwaves_rollup import metrics
from classwaves_rollup.errors import Superseded
from classwaves_rollup.observer import STUCK_SECONDS, Observer
from classwaves_rollup.run_log import TAKEOVER_SECONDS, Run, RunLog, State, TakeoverTimeout
from classwaves_rollup.worker import BUDGET_SECONDS, Worker
from classwaves_runtime.clock import ManualClock
from classwaves_runtime.health import STALL_SECONDS, Health
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.errors import TableMissing, WarehouseUnavailable
from tests.support.rollup.harness import HOUR, TEN, FakeRollupStore, FaultyRollupStore

NINE, ELEVEN, TWELVE = TEN - HOUR, TEN + HOUR, TEN + 2 * HOUR
DUE = TWELVE + HOUR / 12  # five past twelve: eleven is due


@dataclass
class FakeComputer:
    """A computer and a scan for late data that change a run log without computing anything.

    Args:
        now: of the clock.
        run_log: at first.
        failing: hours whose runs fail.
        superseded: hours that another run computes.
        late: hours that a scan marks dirty.
        seconds: the duration of a run.
        ingested_through: as the ingestion has it.
        errors: raised when the run log is read, in turn.
        stopping: whether the worker should stop.
    """

    now: datetime = DUE
    run_log: RunLog = field(default_factory=lambda: RunLog({}))
    failing: set = field(default_factory=set)
    superseded: set = field(default_factory=set)
    late: list = field(default_factory=list)
    seconds: float = 1.0
    ingested_through: datetime | None = None
    errors: list = field(default_factory=list)
    stopping: bool = False
    owner: str = "ours"
    examined_versions: dict = field(default_factory=dict)
    computed: list = field(default_factory=list)

    def __post_init__(self):
        self.clock = ManualClock(self.now)
        self.registry = CollectorRegistry()
        self.health = Health(self.clock)
        self.observer = Observer(Meters(metrics.WORKER, self.registry), self.health, self.clock)
        self.fake_store = FakeRollupStore(self.run_log)
        self.store = FaultyRollupStore(self.fake_store, snapshot=self.errors)
        self.ingestion = SimpleNamespace(ingested_through=lambda _: self.ingested_through)
        self.worker = Worker(
            computer=self,
            scan=self,
            takeover=TakeoverTimeout(self.owner, self.clock),
            observer=self.observer,
            clock=self.clock,
            stopping=lambda: self.stopping,
        )

    def set_run(self, run):
        self.fake_store.run_log = self.fake_store.run_log.with_run(run)

    def compute(self, hour, previous, examined_versions):
        assert previous == self.fake_store.run_log.get(hour)
        self.clock.advance(self.seconds)
        self.computed.append(hour)
        if hour in self.superseded:
            raise Superseded
        run = Run(
            hour,
            "ours-1",
            State.DONE,
            complete=True,
            started_at=self.clock.now(),
            finished_at=self.clock.now(),
        )
        if hour in self.failing:
            run = replace(run, state=State.FAILED, complete=False, error="ValueError")
        self.set_run(run)
        return run

    def mark(self, _store, on_marked):
        for hour in self.late:
            self.set_run(replace(self.fake_store.run_log[hour], state=State.DIRTY))
        on_marked(self.late)
        return self.fake_store.run_log

    def value(self, metric, **labels):
        return self.registry.get_sample_value(metric.name, labels)


def runs(*hours, state=State.DONE, complete=True, run_id="run"):
    ended = state in (State.DONE, State.FAILED)
    return {
        hour: Run(hour, run_id, state, complete=complete, finished_at=DUE if ended else None)
        for hour in hours
    }


def test_an_hour_is_computed_at_minute_5_of_the_next_hour():
    fake = FakeComputer(now=TWELVE + HOUR / 12 - HOUR / 3600, run_log=RunLog(runs(TEN)))
    fake.worker.run_once()
    assert fake.computed == []
    fake.clock.advance(1)
    fake.worker.run_once()
    assert fake.computed == [ELEVEN]


def test_missing_hours_are_computed_oldest_first_and_then_dirty_ones_newest_first():
    fake = FakeComputer(
        now=DUE + 2 * HOUR, run_log=RunLog(runs(NINE, TEN, ELEVEN)), late=[NINE, TEN]
    )
    fake.worker.run_once()
    assert fake.computed == [TWELVE, TWELVE + HOUR, TEN, NINE]


def test_an_empty_run_log_starts_with_the_newest_due_hour():
    fake = FakeComputer()
    fake.worker.run_once()
    assert fake.computed == [ELEVEN]


def test_run_once_has_a_budget_and_tells_whether_work_is_left():
    fake = FakeComputer(now=DUE + 3 * HOUR, run_log=RunLog(runs(NINE)), seconds=BUDGET_SECONDS / 2)
    assert fake.worker.run_once()
    assert fake.computed == [TEN, ELEVEN]
    assert fake.worker.run_once()
    assert fake.computed == [TEN, ELEVEN, TWELVE, TWELVE + HOUR]
    assert not fake.worker.run_once()
    assert fake.computed[-1] == TWELVE + 2 * HOUR


def test_an_hour_is_recomputed_once_ingestion_has_passed_it():
    fake = FakeComputer(
        run_log=RunLog({**runs(TEN, complete=False), **runs(ELEVEN, complete=False)}),
        ingested_through=ELEVEN,
    )
    fake.worker.run_once()
    assert fake.computed == [TEN]
    assert fake.value(metrics.INCOMPLETE_RUNS) == 1


def test_a_failed_hour_does_not_delay_other_hours_and_is_tried_again():
    fake = FakeComputer(run_log=RunLog(runs(NINE)), failing={TEN})
    fake.worker.run_once()
    assert fake.computed == [TEN, ELEVEN, TEN]
    fake.failing.clear()
    fake.worker.run_once()
    assert fake.fake_store.run_log.last_complete_hour == ELEVEN


def test_a_failed_hour_shows_in_metrics_and_readiness_until_it_is_done():
    fake = FakeComputer(run_log=RunLog(runs(TEN)), failing={ELEVEN})
    fake.worker.run_once()
    assert fake.value(metrics.FAILED_RUNS) == 1
    assert fake.health.readiness().reasons == {
        "failed": "1 hours could not be computed, the newest is 2026-03-02T11"
    }
    assert fake.health.live().ok
    fake.failing.clear()
    fake.worker.run_once()
    assert (fake.value(metrics.FAILED_RUNS), fake.health.readiness().ok) == (0, True)
    assert fake.value(metrics.RUNS, outcome="failed") == 2


def test_an_hour_is_overdue_ten_minutes_after_it_was_due_whatever_delays_the_worker():
    fake = FakeComputer(run_log=RunLog(runs(TEN)), superseded={ELEVEN})
    fake.worker.run_once()
    fake.observer.report_state()
    assert fake.value(metrics.RUNS, outcome="superseded") == 1
    assert (fake.value(metrics.LATE_RUNS), fake.health.readiness().ok) == (0, True)
    fake.clock.advance(600)
    fake.observer.report_state()
    assert fake.value(metrics.LATE_RUNS) == 1
    assert fake.health.readiness().reasons["late"].endswith("the newest is 2026-03-02T11")
    assert fake.value(metrics.HOUR_LAG) == (fake.clock.now() - ELEVEN).total_seconds()


def test_a_dirty_hour_is_not_overdue_and_does_not_make_the_worker_unready():
    fake = FakeComputer(run_log=RunLog(runs(TEN, ELEVEN)), late=[TEN], seconds=0)
    fake.stopping = True
    fake.clock.advance(1800)
    fake.worker.run_once()
    assert (fake.value(metrics.DIRTY_RUNS), fake.value(metrics.LATE_RUNS)) == (1, 0)
    assert fake.health.readiness().ok


def test_a_dirty_hour_is_overdue_if_its_run_did_not_finish():
    fake = FakeComputer(
        run_log=RunLog({**runs(TEN), **runs(ELEVEN, state=State.RUNNING)}),
        late=[ELEVEN],
        superseded={ELEVEN},
    )
    fake.worker.run_once()
    fake.clock.advance(600)
    fake.observer.report_state()
    assert (fake.value(metrics.DIRTY_RUNS), fake.value(metrics.LATE_RUNS)) == (1, 1)


def test_another_owners_run_is_not_taken_over_before_the_timeout():
    fake = FakeComputer(
        run_log=RunLog({**runs(TEN), **runs(ELEVEN, state=State.RUNNING, run_id="theirs-1")})
    )
    fake.worker.run_once()
    fake.clock.advance(TAKEOVER_SECONDS - 1)
    fake.worker.run_once()
    assert fake.computed == []
    fake.clock.advance(1)
    fake.worker.run_once()
    assert fake.computed == [ELEVEN]


def test_the_takeover_timeout_restarts_with_another_run():
    fake = FakeComputer(run_log=RunLog(runs(ELEVEN, state=State.RUNNING, run_id="theirs-1")))
    fake.worker.run_once()
    fake.fake_store.run_log = RunLog(runs(ELEVEN, state=State.RUNNING, run_id="theirs-2"))
    fake.clock.advance(TAKEOVER_SECONDS)
    fake.worker.run_once()
    assert fake.computed == []


def test_an_unfinished_run_of_ours_is_taken_over_at_once():
    fake = FakeComputer(run_log=RunLog(runs(ELEVEN, state=State.RUNNING, run_id="ours-7")))
    fake.worker.run_once()
    assert fake.computed == [ELEVEN]


def test_a_stopping_worker_starts_no_further_hour():
    fake = FakeComputer(stopping=True)
    assert not fake.worker.run_once()
    assert fake.computed == []


def test_an_unavailable_warehouse_makes_the_worker_unready_until_it_responds():
    fake = FakeComputer(errors=[WarehouseUnavailable("no answer")])
    assert not fake.worker.run_once()
    assert fake.health.readiness().reasons["warehouse"] == "no answer"
    assert fake.value(metrics.RETRIES) == 1
    fake.worker.run_once()
    assert fake.health.readiness().ok
    assert fake.computed == [ELEVEN]


def test_a_permanent_error_ends_the_worker():
    with pytest.raises(TableMissing):
        FakeComputer(errors=[TableMissing()]).worker.run_once()


def test_a_worker_is_live_while_a_statement_takes_minutes_but_not_when_it_is_stuck():
    fake = FakeComputer()
    fake.worker.run_once()
    fake.clock.advance(STUCK_SECONDS - 1)
    fake.observer.report_state()
    assert fake.health.live().ok
    fake.clock.advance(STALL_SECONDS + 1)
    fake.observer.report_state()
    assert not fake.health.live().ok


def test_done_hours_beyond_now_are_taken_back_and_computed_once_they_are_past(caplog):
    """Another worker, or this one, had a clock that was ahead."""
    fake = FakeComputer(now=DUE, run_log=RunLog(runs(TEN, ELEVEN, TWELVE, TWELVE + HOUR)))
    fake.worker.run_once()
    assert fake.computed == []
    log = fake.fake_store.run_log
    assert log.in_state(State.DONE) == [ELEVEN, TEN]
    assert log.in_state(State.DIRTY) == [TWELVE + HOUR, TWELVE]
    assert log[TWELVE].complete is False
    (warning,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert warning.hours == ["2026-03-02T12", "2026-03-02T13"]
    assert fake.value(metrics.FUTURE_RUNS) == 2
    fake.worker.run_once()
    assert fake.computed == []
    fake.clock.advance(3600 - 300)
    fake.worker.run_once()
    assert fake.computed == [TWELVE]
    assert fake.value(metrics.FUTURE_RUNS) == 1


@pytest.mark.parametrize("state", [State.FAILED, State.RUNNING, State.DIRTY])
def test_an_unfinished_hour_beyond_now_waits_until_it_is_past(state):
    fake = FakeComputer(
        run_log=RunLog({**runs(ELEVEN), **runs(TWELVE, state=state, complete=False)})
    )
    fake.worker.run_once()
    fake.clock.advance(TAKEOVER_SECONDS)
    fake.worker.run_once()
    assert fake.computed == []
    assert fake.fake_store.run_log[TWELVE].state is state
    fake.clock.advance(3600)
    fake.worker.run_once()
    assert fake.computed == [TWELVE]


def test_a_run_log_with_hours_beyond_now_only_starts_with_the_newest_due_hour():
    fake = FakeComputer(run_log=RunLog(runs(TWELVE + 24 * HOUR)))
    fake.worker.run_once()
    assert fake.computed == [ELEVEN]


def test_an_hour_that_another_run_rewrites_meanwhile_is_left_to_it():
    fake = FakeComputer(run_log=RunLog(runs(TEN, ELEVEN, TWELVE)))
    fake.fake_store.conflicts = 1
    fake.worker.run_once()
    assert fake.fake_store.run_log[TWELVE].state is State.DONE
    fake.worker.run_once()
    assert fake.fake_store.run_log[TWELVE].state is State.DIRTY


def test_an_hour_that_was_taken_back_is_overdue_if_no_worker_computes_it():
    fake = FakeComputer(run_log=RunLog(runs(ELEVEN, TWELVE)), superseded={TWELVE})
    fake.worker.run_once()
    fake.clock.advance(3600)
    fake.worker.run_once()
    assert fake.value(metrics.LATE_RUNS) == 0
    fake.clock.advance(600)
    fake.observer.report_state()
    assert fake.value(metrics.LATE_RUNS) == 1
