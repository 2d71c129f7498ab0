"""Metrics, health and log lines of the worker."""

import logging
from collections.abc import Collection
from datetime import datetime
from typing import Final

from classwaves_rollup import metrics
from classwaves_rollup.run_log import Run, RunLog, State
from classwaves_rollup.schedule import lag_seconds, overdue_hours
from classwaves_runtime.clock import Clock
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.errors import WarehouseUnavailable

log = logging.getLogger(__name__)

STUCK_SECONDS: Final = 900.0
"""A step that takes this long counts as stuck. A statement on a cold warehouse takes minutes."""


class Observer:
    """Reports what the worker does. The worker's thread calls it, and so does the main thread.

    Args:
        meters: of the worker's metrics.
        health: of this process.
        clock: gives the lag and the overdue hours.
    """

    def __init__(self, meters: Meters, health: Health, clock: Clock) -> None:
        self._meters = meters
        self._health = health
        self._clock = clock
        self._heartbeat_at = clock.monotonic()
        self._run_log: RunLog | None = None
        meters.set(metrics.LATE_RUNS, 0)

    def heartbeat(self) -> None:
        """The worker's thread makes progress."""
        self._heartbeat_at = self._clock.monotonic()

    def finished(self, run: Run) -> None:
        """A run is done or failed."""
        self.heartbeat()
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

    def superseded(self, hour: datetime) -> None:
        """Another run computes the hour."""
        self.heartbeat()
        self._meters.count(metrics.RUNS, 1, "superseded")
        log.info("run superseded", extra={"hour": f"{hour:%Y-%m-%dT%H}"})

    def scanned(self, marked: Collection[datetime]) -> None:
        """A scan for late data marked these hours dirty."""
        self.heartbeat()
        self._meters.count(metrics.SCANS)
        self._meters.count(metrics.MARKED, len(marked))
        if marked:
            log.info(
                "hours marked dirty",
                extra={"hours": [f"{hour:%Y-%m-%dT%H}" for hour in sorted(marked)]},
            )

    def taken_back(self, hours: Collection[datetime]) -> None:
        """Hours were done before their end, and are not done now."""
        self.heartbeat()
        log.warning(
            "Hours that have not ended were done: this clock is behind, or that of the worker that "
            "computed them was ahead. They are computed again after their end. Check the clocks of "
            "all workers.",
            extra={"hours": [f"{hour:%Y-%m-%dT%H}" for hour in sorted(hours)]},
        )

    def warehouse_unavailable(self, error: WarehouseUnavailable) -> None:
        """The warehouse did not respond; the worker tries again later."""
        self.heartbeat()
        self._meters.count(metrics.RETRIES)
        self._health.unready("warehouse", str(error))
        log.warning("warehouse unavailable", extra={"error": str(error)})

    def run_log_changed(self, run_log: RunLog) -> None:
        """The run log was read or written."""
        self.heartbeat()
        self._run_log = run_log
        for cause in ("start", "warehouse"):
            self._health.ready(cause)
        self.report_state()

    def report_state(self) -> None:
        """Update metrics and health from the run log. Call it regularly, from any thread."""
        if self._clock.monotonic() - self._heartbeat_at < STUCK_SECONDS:
            self._health.heartbeat()
        if self._run_log is None:
            return
        now, run_log = self._clock.now(), self._run_log
        failed = run_log.in_state(State.FAILED)
        overdue = overdue_hours(run_log, now)
        self._meters.set(metrics.DIRTY_RUNS, len(run_log.in_state(State.DIRTY)))
        self._meters.set(metrics.FAILED_RUNS, len(failed))
        self._meters.set(metrics.LATE_RUNS, len(overdue))
        self._meters.set(metrics.FUTURE_RUNS, len(run_log.future(now)))
        self._meters.set(metrics.INCOMPLETE_RUNS, len(run_log.incomplete()))
        self._meters.set(metrics.HOUR_LAG, lag_seconds(run_log, now))
        self._set_readiness("failed", failed, "could not be computed")
        self._set_readiness("late", overdue, "were due more than 10 minutes ago and are not done")

    def _set_readiness(self, cause: str, hours: Collection[datetime], problem: str) -> None:
        if hours:
            self._health.unready(
                cause, f"{len(hours)} hours {problem}, the newest is {max(hours):%Y-%m-%dT%H}"
            )
        else:
            self._health.ready(cause)
