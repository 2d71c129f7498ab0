"""Backpressure: when to stop polling messages, and when to pause the partitions.

librdkafka discards its prefetch on a pause, so a short wait for the warehouse must not pause. The
consumer first stops taking messages, and pauses after `patience_seconds`. It keeps its group
membership throughout (G4, G6).
"""

from dataclasses import dataclass
from enum import Enum


class Intake(Enum):
    """How to treat new messages."""

    OPEN = "open"  # poll them
    HELD = "held"  # poll none; keep the prefetch
    PAUSED = "paused"  # fetch none; poll only to keep the membership


@dataclass(frozen=True, slots=True)
class BackpressurePolicy:
    """Memory limit, and the delay before a pause.

    Args:
        bytes: limit for rows, rejects and the commit in flight.
        patience_seconds: delay before a pause. Nothing is polled meanwhile, so keep it far below
            the broker's max.poll.interval.ms.
    """

    bytes: int
    patience_seconds: float = 2.0


class Backpressure:
    """Decides from the held bytes and the time since the limit was reached."""

    def __init__(self, policy: BackpressurePolicy) -> None:
        self._policy = policy
        self._full_since: float | None = None

    def intake(self, held_bytes: int, now: float) -> Intake:
        """How to treat new messages, with `held_bytes` in memory at this monotonic second."""
        if held_bytes < self._policy.bytes:
            self._full_since = None
            return Intake.OPEN
        if self._full_since is None:
            self._full_since = now
        return (
            Intake.HELD if now - self._full_since < self._policy.patience_seconds else Intake.PAUSED
        )
