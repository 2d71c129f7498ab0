"""What the worker tells about itself: metrics, health and one log line a run."""

import logging
from collections.abc import Collection
from datetime import datetime

from classwaves_rollup import metrics
from classwaves_rollup.lateness import lag_seconds, late_hours
from classwaves_rollup.run import Run, State
from classwaves_rollup.runs import Runs
from classwaves_runtime.clock import Clock
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.errors import WarehouseUnavailable

log = logging.getLogger(__name__)

STUCK_SECONDS = 900.0
"""A step that has taken so long does not end any more; a statement on a cold warehouse takes minutes."""


class Observer:
    """Sees what happens and changes nothing. One thread works, another asks how it stands.

    Args:
        meters: of the worker's catalogue.
        health: of this process.
        clock: for how late it is.
    """

    def __init__(self, meters: Meters, health: Health, clock: Clock) -> None:
        self._meters = meters
        self._health = health
        self._clock = clock
        self._stepped_at = clock.monotonic()
        self._runs: Runs | None = None
        meters.set(metrics.LATE_RUNS, 0)

    def stepped(self) -> None:
        """The worker goes on."""
        self._stepped_at = self._clock.monotonic()

    def computed(self, run: Run) -> None:
        """A run has ended, done or failed."""
        self.stepped()
        self._meters.count(metrics.RUNS, 1, run.state.value)
        self._meters.observe(metrics.RUN_DURATION, run.seconds or 0.0)
        hour = f"{run.metric_hour:%Y-%m-%dT%H}"
        if run.state is State.FAILED:
            log.error("hour failed", extra={"hour": hour, "error": run.error})
            return
        self._meters.count(metrics.FACTS, run.facts or 0)
        self._meters.count(metrics.ROWS, run.hourly_rows or 0)
        self._meters.set(metrics.WITHOUT_SCHOOL, run.events_without_school or 0)
        log.info(
            "hour computed",
            extra={
                "hour": hour,
                "rows": run.hourly_rows,
                "facts": run.facts,
                "complete": run.complete,
                "seconds": run.seconds,
            },
        )

    def overtaken(self, hour: datetime) -> None:
        """Another run has the hour."""
        self.stepped()
        self._meters.count(metrics.RUNS, 1, "overtaken")
        log.info("hour overtaken", extra={"hour": f"{hour:%Y-%m-%dT%H}"})

    def looked(self, marked: Collection[datetime]) -> None:
        """What came late has been looked for."""
        self.stepped()
        self._meters.count(metrics.LOOKS)
        self._meters.count(metrics.MARKED, len(marked))
        if marked:
            log.info(
                "hours marked dirty",
                extra={"hours": [f"{hour:%Y-%m-%dT%H}" for hour in sorted(marked)]},
            )

    def waiting(self, error: WarehouseUnavailable) -> None:
        """The warehouse did not answer, and will be asked again."""
        self.stepped()
        self._meters.count(metrics.RETRIES)
        self._health.unready("warehouse", str(error))
        log.warning("the warehouse does not answer", extra={"error": str(error)})

    def knows(self, runs: Runs) -> None:
        """The ledger is like this now."""
        self.stepped()
        self._runs = runs
        for cause in ("start", "warehouse"):
            self._health.ready(cause)
        self.stands()

    def stands(self) -> None:
        """Tell how hours stand now; called again and again, whatever the worker does."""
        if self._clock.monotonic() - self._stepped_at < STUCK_SECONDS:
            self._health.turned()
        if self._runs is None:
            return
        now, runs = self._clock.now(), self._runs
        failed = runs.in_state(State.FAILED)
        late = late_hours(runs, now)
        self._meters.set(metrics.DIRTY_RUNS, len(runs.in_state(State.DIRTY)))
        self._meters.set(metrics.FAILED_RUNS, len(failed))
        self._meters.set(metrics.LATE_RUNS, len(late))
        self._meters.set(metrics.INCOMPLETE_RUNS, len(runs.incomplete()))
        self._meters.set(metrics.HOUR_LAG, lag_seconds(runs, now))
        self._verdict("failed", failed, "could not be computed")
        self._verdict("late", late, "were due more than 10 minutes ago and are not done")

    def _verdict(self, cause: str, hours: Collection[datetime], words: str) -> None:
        if hours:
            self._health.unready(
                cause, f"{len(hours)} hours {words}, the newest is {max(hours):%Y-%m-%dT%H}"
            )
        else:
            self._health.ready(cause)
