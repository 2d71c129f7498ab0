"""Outages of broker and warehouse: readiness, and one log line at either end of each."""

import logging
import threading
from dataclasses import dataclass

from classwaves_runtime.clock import Clock
from classwaves_runtime.health import Health

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Outage:
    since: float
    errors: int


class Outages:
    """What does not answer now. Thread-safe.

    Args:
        health: is unready while anything does not answer.
        clock: measures how long.
    """

    def __init__(self, health: Health, clock: Clock) -> None:
        self._health = health
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, _Outage] = {}

    def failed(self, service: str, cause: str, errors: int = 1) -> None:
        """A service failed to answer this often, since the last call, for this cause."""
        with self._lock:
            outage = self._open.get(service)
            if outage is None:
                self._open[service] = _Outage(self._clock.monotonic(), errors)
            else:
                outage.errors += errors
        self._health.unready(service, cause)
        if outage is None:
            log.warning("The %s does not answer: %s Waiting.", service, cause)

    def answered(self, service: str) -> None:
        """A service answers."""
        with self._lock:
            outage = self._open.pop(service, None)
        self._health.ready(service)
        if outage is not None:
            seconds = round(self._clock.monotonic() - outage.since, 1)
            log.info(
                "The %s answers again",
                service,
                extra={"seconds": seconds, "errors": outage.errors},
            )
