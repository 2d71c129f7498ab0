"""What the worker does in each round: hours that are missing, a look at what came late, hours that need it again."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

from classwaves_rollup.errors import Overtaken
from classwaves_rollup.hour import HourRun
from classwaves_rollup.observer import Observer
from classwaves_rollup.repair import Look
from classwaves_rollup.run import State
from classwaves_rollup.runs import Runs, latest, read_runs
from classwaves_rollup.schedule import newest_due
from classwaves_rollup.taking_over import Patience
from classwaves_runtime.clock import Clock
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, ROLLUP_RUNS
from classwaves_warehouse.errors import WarehouseUnavailable

BUDGET_SECONDS = 30.0
"""How long missing hours, and then dirty ones, may keep a round from its next look."""


@dataclass
class Worker:
    """Keeps hours right. One thread owns it.

    Args:
        run: computes an hour.
        look: finds what came late.
        patience: with the runs of others.
        observer: is told what happens.
        clock: says which hours are due.
        stopping: whether to begin no further hour.
    """

    run: HourRun
    look: Look
    patience: Patience
    observer: Observer
    clock: Clock
    stopping: Callable[[], bool]
    _runs: Runs = field(init=False)
    _upkept: date | None = field(init=False, default=None)

    def round(self) -> bool:
        """Do what there is to do; whether more of it is left for another round at once.

        Raises:
            TableMissing, TableMismatch, WarehouseRefused: it makes no sense to go on.
        """
        try:
            self._know(read_runs(self.run.hours))
            more = self._compute(self._missing())
            self._know(self.look.at(self.run.hours, self.observer.looked))
            more = self._compute(self._again()) or more
            if not more and not self.stopping():
                self._keep_up()
        except WarehouseUnavailable as error:
            self.observer.waiting(error)
            return False
        return more

    def _missing(self) -> Iterator[datetime]:
        """Due hours without a row, oldest first."""
        yield from self._runs.missing(newest_due(self.clock.now()))

    def _again(self) -> Iterator[datetime]:
        """Hours that have a row and need another run, newest first: the readers of dirty ones wait the most."""
        runs = self._runs
        yield from runs.in_state(State.DIRTY)
        passed = self.run.ingestion.passed(self.run.hours)
        if passed is not None:
            yield from runs.incomplete(passed)
        yield from (hour for hour in runs.in_state(State.RUNNING) if self.patience.over(runs[hour]))
        yield from runs.in_state(State.FAILED)

    def _compute(self, wanted: Iterator[datetime]) -> bool:
        """Compute these hours within the budget; whether some were left."""
        ends_at = self.clock.monotonic() + BUDGET_SECONDS
        for hour in wanted:
            if self.stopping():
                return False
            if self.clock.monotonic() >= ends_at:
                return True
            self._compute_one(hour)
        return False

    def _compute_one(self, hour: datetime) -> None:
        known = self._runs.get(hour)
        examined = latest(self._runs.examined, self.look.examined)
        try:
            run = self.run.compute(hour, known, examined)
        except Overtaken:
            self.observer.overtaken(hour)
            return
        self.observer.computed(run)
        self._know(self._runs.with_(run))

    def _keep_up(self) -> None:
        """Once a day put small files together. Facts have one file an hour, which is how they are read."""
        today = self.clock.now().date()
        if self._upkept != today:
            self.run.hours.maintain([ROLLUP_RUNS, DASHBOARD_METRICS_HOURLY])
            self._upkept = today

    def _know(self, runs: Runs) -> None:
        self._runs = runs
        self.observer.knows(runs)
