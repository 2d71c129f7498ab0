"""What is to be played: how many days, how large, what goes wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from demo.incident import Incident
from demo.mischief import Mischief
from demo.producer import Assignment
from demo.school_day import EVENTS_PER_TEACHER

EVENTS_PER_SECOND = 1000


@dataclass(frozen=True, slots=True)
class Plan:
    """One or more school days, told faster than they happened.

    Arguments:
        seed: of the first day.
        on: date of the first day.
        day_seconds: how long the events of one day take to be sent.
        days: how many days follow each other.
        incidents: in the order of their times.
        consumers: how many.
        mischief: what goes wrong on the way.
    """

    seed: int
    on: date
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

    def assignment(self, pod: str, topic: str, journals: Path, begins_at: float) -> Assignment:
        """One producer's part."""
        return Assignment(
            pod=pod,
            topic=topic,
            journals=journals,
            seed=self.seed,
            on=self.on,
            teachers=self.teachers,
            days=self.days,
            begins_at=begins_at,
            day_seconds=self.day_seconds,
            mischief=self.mischief,
        )
