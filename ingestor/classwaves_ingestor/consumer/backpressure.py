"""Backpressure: when to stop taking messages, and when to say so to the broker.

librdkafka throws its prefetch away on a pause, so a short wait for the warehouse is no reason for one: first we only
take nothing, and pause when that has lasted. The membership is kept throughout (G4, G6).
"""

from dataclasses import dataclass
from enum import Enum


class Intake(Enum):
    """What to do about new messages."""

    OPEN = "open"  # take them
    HELD = "held"  # take none for the moment; what is prefetched stays
    PAUSED = "paused"  # fetch none; poll only to keep the membership


@dataclass(frozen=True, slots=True)
class BackpressurePolicy:
    """How much may be held, and for how long a wait goes without a pause.

    Args:
        bytes: of rows, rejects and the commit in flight.
        patience_seconds: far below the broker's max.poll.interval.ms, because nothing is polled while intake is held.
    """

    bytes: int
    patience_seconds: float = 2.0


class Backpressure:
    """Decides by what is held now and since when it has been too much."""

    def __init__(self, policy: BackpressurePolicy) -> None:
        self._policy = policy
        self._full_since: float | None = None

    def intake(self, held_bytes: int, now: float) -> Intake:
        """What to do with `held_bytes` in memory at this monotonic second."""
        if held_bytes < self._policy.bytes:
            self._full_since = None
            return Intake.OPEN
        if self._full_since is None:
            self._full_since = now
        return (
            Intake.HELD if now - self._full_since < self._policy.patience_seconds else Intake.PAUSED
        )
