"""Whether a process lives and is ready, told by what it does rather than by what answers a ping."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

from classwaves_runtime.clock import Clock

STALL_SECONDS = 60.0
"""A loop that has not turned for so long is stuck. Waiting for a warehouse does not keep a loop from turning."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer to a probe, with its reasons."""

    ok: bool
    reasons: Mapping[str, str]


class Health:
    """A process's own account of itself. Safe to use from any thread.

    Args:
        clock: for how long ago the loop has turned.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._turned_at = clock.monotonic()
        self._unready: dict[str, str] = {"start": "starting"}

    def turned(self) -> None:
        """The main loop has come round."""
        self._turned_at = self._clock.monotonic()

    def still_seconds(self) -> float:
        """How long ago the main loop came round."""
        return self._clock.monotonic() - self._turned_at

    def unready(self, cause: str, reason: str) -> None:
        """Not ready, because of this cause, for this reason, until `ready` is called for it."""
        with self._lock:
            self._unready[cause] = reason

    def ready(self, cause: str) -> None:
        """Take a cause back."""
        with self._lock:
            self._unready.pop(cause, None)

    def live(self) -> Verdict:
        """Live while the main loop turns. A pod that only waits for its warehouse is live."""
        still = self.still_seconds()
        if still < STALL_SECONDS:
            return Verdict(ok=True, reasons={})
        return Verdict(ok=False, reasons={"loop": f"has not turned for {still:.0f} s"})

    def readiness(self) -> Verdict:
        """Ready while it lives and no cause says otherwise."""
        live = self.live()
        with self._lock:
            reasons = {**live.reasons, **self._unready}
        return Verdict(ok=not reasons, reasons=reasons)
