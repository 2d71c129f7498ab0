"""The worker of `rollup run`: one thread computes hours, the main thread reports its state."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector

from classwaves_rollup import metrics
from classwaves_rollup.errors import Superseded, WorkerStopped, error_summary
from classwaves_rollup.hour_computer import HourComputer
from classwaves_rollup.late_data import LateDataScan
from classwaves_rollup.observer import Observer
from classwaves_rollup.run_log import (
    RunLog,
    State,
    TakeoverTimeout,
    has_ended,
    latest_versions,
    read_run_log,
)
from classwaves_rollup.schedule import newest_due, next_scan
from classwaves_rollup.settings import WorkerSettings
from classwaves_runtime.clock import Clock, SystemClock
from classwaves_runtime.health import Health, dump_stacks_on_sigquit, serve_health, stall_watch
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.errors import ConcurrentWrite, WarehouseUnavailable
from classwaves_warehouse.open import open_warehouse

log = logging.getLogger(__name__)

BUDGET_SECONDS: Final = 30.0
"""How long missing hours, and then hours to recompute, may delay the next scan for late data."""

_POLL_SECONDS = 0.5


@dataclass
class Worker:
    """Computes due hours, scans for late data and recomputes hours. It belongs to one thread.

    Args:
        computer: of hours.
        scan: for late data.
        takeover: decides when an hour that another owner computes is taken over.
        observer: reports what happens.
        clock: gives the due hours.
        stopping: whether to start no further hour.
    """

    computer: HourComputer
    scan: LateDataScan
    takeover: TakeoverTimeout
    observer: Observer
    clock: Clock
    stopping: Callable[[], bool]
    _run_log: RunLog = field(init=False)

    @classmethod
    def from_settings(
        cls,
        settings: WorkerSettings,
        observer: Observer,
        clock: Clock,
        stopping: Callable[[], bool],
    ) -> "Worker":
        """A worker for the thread that calls this."""
        computer = HourComputer.from_settings(settings, open_warehouse(settings.warehouse), clock)
        takeover = TakeoverTimeout(computer.owner, clock)
        return cls(computer, LateDataScan(takeover), takeover, observer, clock, stopping)

    def run_once(self) -> bool:
        """Do the work that there is, within a budget; whether some is left.

        Raises:
            TableMissing, TableMismatch, WarehouseRefused: the worker cannot go on.
        """
        try:
            self._set_run_log(read_run_log(self.computer.store))
            self._take_back()
            more = self._compute(self._missing())
            self._set_run_log(self.scan.mark(self.computer.store, self.observer.scanned))
            more = self._compute(self._to_recompute()) or more
        except WarehouseUnavailable as error:
            self.observer.warehouse_unavailable(error)
            return False
        return more

    def _take_back(self) -> None:
        """Mark the done hours dirty that have not ended: a clock was ahead when they were computed.

        They are computed again once they have ended.
        """
        early = [
            hour
            for hour in self._run_log.future(self.clock.now())
            if self._run_log[hour].state is State.DONE
        ]
        taken_back = []
        for hour in early:
            present = self._run_log[hour]
            run = present.taken_back()
            try:
                self.computer.store.upsert_run(run.row(), present.run_id)
            except ConcurrentWrite:
                continue  # the next call looks at what the other run has written
            self._run_log = self._run_log.with_run(run)
            taken_back.append(hour)
        if taken_back:
            self.observer.taken_back(taken_back)
            self._set_run_log(self._run_log)

    def _missing(self) -> Iterator[datetime]:
        """Due hours without a run, oldest first."""
        yield from self._run_log.missing(newest_due(self.clock.now()))

    def _to_recompute(self) -> Iterator[datetime]:
        """Ended hours that need another run, by kind.

        Dirty; done before ingestion had passed their end; running past the takeover timeout;
        failed. Within a kind the newest first.
        """
        run_log = self._run_log
        yield from self._ended(run_log.in_state(State.DIRTY))
        through = self.computer.ingestion.ingested_through(self.computer.store)
        if through is not None:
            yield from self._ended(run_log.incomplete(through))
        running = run_log.in_state(State.RUNNING)
        yield from self._ended(each for each in running if self.takeover.has_passed(run_log[each]))
        yield from self._ended(run_log.in_state(State.FAILED))

    def _ended(self, hours: Iterable[datetime]) -> Iterator[datetime]:
        return (hour for hour in hours if has_ended(hour, self.clock.now()))

    def _compute(self, hours: Iterator[datetime]) -> bool:
        """Compute these hours within the budget; whether some are left."""
        ends_at = self.clock.monotonic() + BUDGET_SECONDS
        for hour in hours:
            if self.stopping():
                return False
            if self.clock.monotonic() >= ends_at:
                return True
            self._compute_one(hour)
        return False

    def _compute_one(self, hour: datetime) -> None:
        examined = latest_versions(self._run_log.examined_versions, self.scan.examined_versions)
        try:
            run = self.computer.compute(hour, self._run_log.get(hour), examined)
        except Superseded:
            self.observer.superseded(hour)
            return
        self.observer.finished(run)
        self._set_run_log(self._run_log.with_run(run))

    def _set_run_log(self, run_log: RunLog) -> None:
        self._run_log = run_log
        self.observer.run_log_changed(run_log)


class WorkerThread(threading.Thread):
    """The thread that runs the worker, and waits for the next minute when there is no work.

    It is a daemon: a statement that does not return must not keep the process from ending.

    Args:
        build_worker: called in the thread.
        stop: set when no further hour may start.
        observer: reports that the thread makes progress.
        clock: gives the next minute.
    """

    def __init__(
        self,
        build_worker: Callable[[], Worker],
        stop: threading.Event,
        observer: Observer,
        clock: Clock,
    ) -> None:
        super().__init__(name="work", daemon=True)
        self.error: Exception | None = None
        """What ended the thread before `stop` was set, if it was an error."""
        self._build_worker = build_worker
        self._stop_event = stop
        self._observer = observer
        self._clock = clock
        self.start()

    def run(self) -> None:
        """Work until `stop` is set or an error makes further work pointless."""
        try:
            worker = self._build_worker()
            while not self._stop_event.is_set():
                if not worker.run_once():
                    self._wait_for_next_minute()
        except Exception as error:  # raised again in the main thread
            self.error = error
        except BaseException as error:  # a library's panic, with a message that may hold anything
            self.error = WorkerStopped(f"The worker's thread ended: {error_summary(error)}.")

    def _wait_for_next_minute(self) -> None:
        now = self._clock.now()
        ends_at = next_scan(now)
        while now < ends_at:
            seconds = min((ends_at - now).total_seconds(), _POLL_SECONDS)
            if self._stop_event.wait(seconds):
                return
            self._observer.heartbeat()
            now = self._clock.now()


def run_worker(
    settings: WorkerSettings,
    stop: threading.Event,
    build_worker: Callable[..., Worker] = Worker.from_settings,
) -> None:
    """Run the worker until `stop` is set, then finish the current hour within the deadline.

    Args:
        settings: of the process.
        stop: set when no further hour may start.
        build_worker: as `Worker.from_settings`.

    Raises:
        SettingsError, TableMissing, TableMismatch, WarehouseRefused: the worker cannot go on.
        WorkerStopped: a library ended the worker's thread.
    """
    clock, registry = SystemClock(), CollectorRegistry()
    ProcessCollector(registry=registry)
    health = Health(clock)
    observer = Observer(Meters(metrics.WORKER, registry), health, clock)
    dump_stacks_on_sigquit()
    with serve_health(settings.http_port, health, registry), stall_watch(health):
        thread = WorkerThread(
            lambda: build_worker(settings, observer, clock, stop.is_set), stop, observer, clock
        )
        while not stop.wait(_POLL_SECONDS) and thread.is_alive():
            observer.report_state()
        thread.join(settings.drain_seconds)
        if thread.is_alive():
            log.warning("the current hour is unfinished; the next run takes it over")
        if thread.error is not None:
            raise thread.error
        if not stop.is_set():
            raise WorkerStopped
