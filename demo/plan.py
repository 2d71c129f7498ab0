"""What is to be played: how many days, how large, what goes wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from demo.incident import Incident
from demo.mischief import Mischief
from demo.school_day import EVENTS_PER_TEACHER

EVENTS_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """One or more school days, told faster than they happened.

    Args:
        seed: of the first day.
        day_seconds: how long the events of one day take to be sent.
        days: how many days follow each other.
        incidents: what is killed, and when.
        consumers: how many.
        mischief: what goes wrong on the way.
    """

    seed: int
    day_seconds: float
    days: int
    incidents: Sequence[Incident]
    consumers: int = 2
    mischief: Mischief = field(default_factory=Mischief)

    @property
    def seconds(self) -> float:
        """How long producers send."""
        return self.day_seconds * self.days

    @property
    def teachers(self) -> int:
        """As many as it takes for a thousand events a second."""
        return max(1, round(self.day_seconds * EVENTS_PER_SECOND / EVENTS_PER_TEACHER))
