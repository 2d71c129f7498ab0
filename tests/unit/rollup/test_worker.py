from dataclasses import dataclass, field, replace

import pytest
from prometheus_client import CollectorRegistry

from classwaves_rollup import metrics
from classwaves_rollup.errors import Overtaken
from classwaves_rollup.observer import STUCK_SECONDS, Observer
from classwaves_rollup.run import Run, State
from classwaves_rollup.runs import Runs
from classwaves_rollup.taking_over import PATIENCE_SECONDS, Patience
from classwaves_rollup.worker import BUDGET_SECONDS, Worker
from classwaves_runtime.clock import ManualClock
from classwaves_runtime.health import STALL_SECONDS, Health
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.errors import TableMissing, WarehouseUnavailable
from tests.support.school import HOUR, TEN

NINE, ELEVEN, TWELVE = TEN - HOUR, TEN + HOUR, TEN + 2 * HOUR
DUE = TWELVE + HOUR / 12  # five past twelve: eleven is due


@dataclass
class Shop:
    """A worker whose ledger, look and runs are played by this, and what can be seen of it.

    Args:
        now: where its clock stands.
        runs: the ledger.
        fails: hours that fail.
        taken: hours that another run has.
        seconds: how long a run of an hour takes.
        passed: up to where ingestion is.
        errors: what reading the ledger raises, in turn.
    """

    now: object = DUE
    runs: Runs = field(default_factory=lambda: Runs({}))
    fails: set = field(default_factory=set)
    taken: set = field(default_factory=set)
    seconds: float = 1.0
    passed: object = None
    errors: list = field(default_factory=list)
    late: list = field(default_factory=list)
    stopping: bool = False
    owner: str = "ours"
    computed: list = field(default_factory=list)
    examined: dict = field(default_factory=dict)
    maintained: list = field(default_factory=list)

    def __post_init__(self):
        self.clock = ManualClock(self.now)
        self.registry = CollectorRegistry()
        self.health = Health(self.clock)
        self.observer = Observer(Meters(metrics.WORKER, self.registry), self.health, self.clock)
        self.worker = Worker(
            run=self,
            look=self,
            patience=Patience(self.owner, self.clock),
            observer=self.observer,
            clock=self.clock,
            stopping=lambda: self.stopping,
        )

    @property
    def hours(self):
        return self

    def maintain(self, tables):
        self.maintained.append([table.name for table in tables])

    @property
    def ingestion(self):
        return self

    def compute(self, hour, known, examined):
        assert known == self.runs.get(hour)
        self.clock.advance(self.seconds)
        self.computed.append(hour)
        if hour in self.taken:
            raise Overtaken
        run = Run(
            hour,
            "ours-1",
            State.DONE,
            complete=True,
            started_at=self.clock.now(),
            finished_at=self.clock.now(),
        )
        if hour in self.fails:
            run = replace(run, state=State.FAILED, complete=False, error="ValueError")
        self.runs = self.runs.with_(run)
        return run

    def at(self, _hours, looked):
        for hour in self.late:
            self.runs = self.runs.with_(replace(self.runs[hour], state=State.DIRTY))
        looked(self.late)
        return self.runs

    def read(self, _hours):
        if self.errors:
            raise self.errors.pop(0)
        return self.runs

    def value(self, metric, **labels):
        return self.registry.get_sample_value(metric.name, labels)


class Ingestion:
    def __init__(self, passed):
        self.passed = lambda _hours: passed


@pytest.fixture
def shop(monkeypatch):
    def opened(**given):
        passed = given.pop("passed", None)
        made = Shop(**given)
        monkeypatch.setattr(Shop, "ingestion", Ingestion(passed))
        monkeypatch.setattr("classwaves_rollup.worker.read_runs", made.read)
        return made

    return opened


def ledger(*hours, state=State.DONE, complete=True, run_id="run"):
    ended = state in (State.DONE, State.FAILED)
    return {
        hour: Run(hour, run_id, state, complete=complete, finished_at=DUE if ended else None)
        for hour in hours
    }


def test_at_minute_5_the_hour_before_is_computed(shop):
    here = shop(now=TWELVE + HOUR / 12 - HOUR / 3600, runs=Runs(ledger(TEN)))
    here.worker.round()
    assert here.computed == []
    here.clock.advance(1)
    here.worker.round()
    assert here.computed == [ELEVEN]


def test_missed_hours_are_caught_up_oldest_first_and_dirty_ones_then_newest_first(shop):
    here = shop(now=DUE + 2 * HOUR, runs=Runs(ledger(NINE, TEN, ELEVEN)), late=[NINE, TEN])
    here.worker.round()
    assert here.computed == [TWELVE, TWELVE + HOUR, TEN, NINE]


def test_an_empty_ledger_begins_with_the_hour_before(shop):
    here = shop()
    here.worker.round()
    assert here.computed == [ELEVEN]


def test_a_round_has_a_budget_and_says_that_there_is_more(shop):
    here = shop(now=DUE + 3 * HOUR, runs=Runs(ledger(NINE)), seconds=BUDGET_SECONDS / 2)
    assert here.worker.round()
    assert here.computed == [TEN, ELEVEN]
    assert here.worker.round()
    assert here.computed == [TEN, ELEVEN, TWELVE, TWELVE + HOUR]
    assert not here.worker.round()
    assert here.computed[-1] == TWELVE + 2 * HOUR


def test_an_hour_that_ingestion_has_passed_meanwhile_is_computed_again(shop):
    here = shop(
        runs=Runs({**ledger(TEN, complete=False), **ledger(ELEVEN, complete=False)}), passed=ELEVEN
    )
    here.worker.round()
    assert here.computed == [TEN]
    assert here.value(metrics.INCOMPLETE_RUNS) == 1


def test_an_hour_that_fails_keeps_no_other_from_being_computed_and_is_tried_again(shop):
    here = shop(runs=Runs(ledger(NINE)), fails={TEN})
    here.worker.round()
    assert here.computed == [TEN, ELEVEN, TEN]
    here.fails.clear()
    here.worker.round()
    assert here.runs.complete_through == ELEVEN


def test_a_failed_hour_is_seen_in_metric_and_readiness_until_it_is_mended(shop):
    here = shop(runs=Runs(ledger(TEN)), fails={ELEVEN})
    here.worker.round()
    assert here.value(metrics.FAILED_RUNS) == 1
    assert here.health.readiness().reasons == {
        "failed": "1 hours could not be computed, the newest is 2026-03-02T11"
    }
    assert here.health.live().ok
    here.fails.clear()
    here.worker.round()
    assert (here.value(metrics.FAILED_RUNS), here.health.readiness().ok) == (0, True)
    assert here.value(metrics.RUNS, outcome="failed") == 2


def test_an_hour_is_late_ten_minutes_after_it_was_due_whatever_keeps_the_worker(shop):
    here = shop(runs=Runs(ledger(TEN)), taken={ELEVEN})
    here.worker.round()
    here.observer.stands()
    assert (here.value(metrics.LATE_RUNS), here.health.readiness().ok) == (0, True)
    here.clock.advance(600)
    here.observer.stands()
    assert here.value(metrics.LATE_RUNS) == 1
    assert here.health.readiness().reasons["late"].endswith("the newest is 2026-03-02T11")
    assert here.value(metrics.HOUR_LAG) == (here.clock.now() - ELEVEN).total_seconds()


def test_a_dirty_hour_is_not_late_and_does_not_make_the_worker_unready(shop):
    here = shop(runs=Runs(ledger(TEN, ELEVEN)), late=[TEN], seconds=0)
    here.stopping = True
    here.clock.advance(1800)
    here.worker.round()
    assert (here.value(metrics.DIRTY_RUNS), here.value(metrics.LATE_RUNS)) == (1, 0)
    assert here.health.readiness().ok


def test_a_dirty_hour_is_late_if_its_run_never_ended(shop):
    here = shop(
        runs=Runs({**ledger(TEN), **ledger(ELEVEN, state=State.RUNNING)}),
        late=[ELEVEN],
        taken={ELEVEN},
    )
    here.worker.round()
    here.clock.advance(600)
    here.observer.stands()
    assert (here.value(metrics.DIRTY_RUNS), here.value(metrics.LATE_RUNS)) == (1, 1)


def test_another_ones_run_is_left_alone_until_patience_is_over(shop):
    here = shop(
        runs=Runs({**ledger(TEN), **ledger(ELEVEN, state=State.RUNNING, run_id="theirs-1")})
    )
    here.worker.round()
    here.clock.advance(PATIENCE_SECONDS - 1)
    here.worker.round()
    assert here.computed == []
    here.clock.advance(1)
    here.worker.round()
    assert here.computed == [ELEVEN]


def test_patience_begins_anew_with_another_run(shop):
    here = shop(runs=Runs(ledger(ELEVEN, state=State.RUNNING, run_id="theirs-1")))
    here.worker.round()
    here.runs = Runs(ledger(ELEVEN, state=State.RUNNING, run_id="theirs-2"))
    here.clock.advance(PATIENCE_SECONDS)
    here.worker.round()
    assert here.computed == []


def test_a_run_of_ours_that_came_to_no_end_is_taken_up_at_once(shop):
    here = shop(runs=Runs(ledger(ELEVEN, state=State.RUNNING, run_id="ours-7")))
    here.worker.round()
    assert here.computed == [ELEVEN]


def test_who_is_told_to_stop_begins_no_further_hour(shop):
    here = shop(stopping=True)
    assert not here.worker.round()
    assert here.computed == []


def test_a_warehouse_that_does_not_answer_makes_the_worker_unready_and_is_asked_again(shop):
    here = shop(errors=[WarehouseUnavailable("no answer")])
    assert not here.worker.round()
    assert here.health.readiness().reasons["warehouse"] == "no answer"
    assert here.value(metrics.RETRIES) == 1
    here.worker.round()
    assert here.health.readiness().ok
    assert here.computed == [ELEVEN]


def test_what_waiting_does_not_mend_ends_the_worker(shop):
    with pytest.raises(TableMissing):
        shop(errors=[TableMissing()]).worker.round()


def test_a_worker_lives_while_a_statement_takes_minutes_and_not_when_it_never_ends(shop):
    here = shop()
    here.worker.round()
    here.clock.advance(STUCK_SECONDS - 1)
    here.observer.stands()
    assert here.health.live().ok
    here.clock.advance(STALL_SECONDS + 1)
    here.observer.stands()
    assert not here.health.live().ok


def test_small_files_are_put_together_once_a_day_when_there_is_nothing_else_to_do(shop):
    here = shop(now=DUE + 3 * HOUR, runs=Runs(ledger(NINE)), seconds=BUDGET_SECONDS / 2)
    assert here.worker.round()
    assert here.maintained == []
    while here.worker.round():
        pass
    here.worker.round()
    assert here.maintained == [["rollup_runs", "dashboard_metrics_hourly"]]
    here.clock.advance(24 * 3600)
    while here.worker.round():
        pass
    assert len(here.maintained) == 2
