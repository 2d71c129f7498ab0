"""The worker's process, put together from its settings."""

import logging
import threading

from prometheus_client import CollectorRegistry, ProcessCollector

from classwaves_rollup import metrics
from classwaves_rollup.errors import WorkEnded
from classwaves_rollup.hour import HourRun
from classwaves_rollup.observer import Observer
from classwaves_rollup.reason import reason
from classwaves_rollup.repair import Look
from classwaves_rollup.schedule import next_look
from classwaves_rollup.settings import WorkerSettings
from classwaves_rollup.taking_over import Patience
from classwaves_rollup.worker import Worker
from classwaves_runtime.clock import Clock, SystemClock
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_runtime.probes import probes
from classwaves_runtime.stacks import on_sigquit, stall_watch
from classwaves_warehouse.open import open_warehouse

log = logging.getLogger(__name__)

_TURN_SECONDS = 0.5


def run(settings: WorkerSettings, stop: threading.Event) -> None:
    """Keep hours right until `stop` is set, then finish the hour at hand, within the deadline.

    Raises:
        SettingsError, TableMissing, TableMismatch, WarehouseRefused: it cannot work.
        WorkEnded: it worked, and then a library ended the thread.
    """
    clock, registry = SystemClock(), CollectorRegistry()
    ProcessCollector(registry=registry)
    health = Health(clock)
    observer = Observer(Meters(metrics.WORKER, registry), health, clock)
    on_sigquit()
    with probes(settings.http_port, health, registry), stall_watch(health):
        work = Work(settings, stop, observer, clock)
        while not stop.wait(_TURN_SECONDS) and work.is_alive():
            observer.stands()
        work.join(settings.drain_seconds)
        if work.is_alive():
            log.warning(
                "the hour at hand is not finished; it stays running, and the next run takes it over"
            )
        if work.error is not None:
            raise work.error
        if not stop.is_set():
            raise WorkEnded


class Work(threading.Thread):
    """The thread that works: rounds, and rests until the next look.

    It is a daemon: a statement that does not return must not keep a process that was told to end.

    Args:
        settings: of the process.
        stop: set when no further hour is to be begun.
        observer: is told what happens.
        clock: for every part.
    """

    def __init__(
        self, settings: WorkerSettings, stop: threading.Event, observer: Observer, clock: Clock
    ) -> None:
        super().__init__(name="work", daemon=True)
        self.error: Exception | None = None
        self._settings = settings
        self._stop_event = stop
        self._observer = observer
        self._clock = clock
        self.start()

    def run(self) -> None:
        """Work until told to stop, or until it makes no sense to go on."""
        try:
            worker = self._worker()
            while not self._stop_event.is_set():
                if not worker.round():
                    self._rest()
        except Exception as error:  # ends the process, in its main thread
            self.error = error
        except (
            BaseException
        ) as error:  # a library's panic is none of the above; its words may hold anything
            self.error = WorkEnded(f"The work has ended: {reason(error)}.")

    def _worker(self) -> Worker:
        hour_run = HourRun.opened(
            self._settings, open_warehouse(self._settings.warehouse), self._clock
        )
        patience = Patience(hour_run.owner, self._clock)
        return Worker(
            run=hour_run,
            look=Look(patience),
            patience=patience,
            observer=self._observer,
            clock=self._clock,
            stopping=self._stop_event.is_set,
        )

    def _rest(self) -> None:
        now = self._clock.now()
        ends_at = next_look(now)
        while now < ends_at and not self._stop_event.wait(
            min((ends_at - now).total_seconds(), _TURN_SECONDS)
        ):
            self._observer.stepped()
            now = self._clock.now()
