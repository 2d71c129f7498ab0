"""What a producer process is told on its command line."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from demo.delivery import Delivery
from demo.mischief import Mischief
from demo.school_day import SchoolDay, told

_LAST_EVENT = 0.9  # of the day; the rest is for what comes late


class Assignment(BaseModel):
    """One producer's part in one or more school days.

    Args:
        pod: which producer it is.
        topic: where to send.
        journals: the folder for its journal.
        seed, teachers: the first day; each further one has the next seed.
        days: how many.
        begins_at: Unix time at which the first day begins.
        day_seconds: how long a day takes.
        mischief: what goes wrong.
    """

    model_config = ConfigDict(frozen=True)

    pod: str
    topic: str
    journals: Path
    seed: int
    teachers: int
    days: int
    begins_at: float
    day_seconds: float
    mischief: Mischief

    @classmethod
    def from_command_line(cls) -> Self:
        """The one argument of this process."""
        return cls.model_validate_json(sys.argv[1])

    def deliveries(self) -> Iterator[tuple[float, Delivery]]:
        """The deliveries of this pod, each with the Unix time at which it is due."""
        for number in range(self.days):
            seed, begins_at = self.seed + number, self.begins_at + number * self.day_seconds
            begins = datetime.fromtimestamp(begins_at, UTC)
            day = SchoolDay(seed, begins.date(), self.teachers).happenings()
            live = told(day, begins, self.day_seconds * _LAST_EVENT)
            for delivery in self.mischief.deliveries(live, begins, self.day_seconds, seed):
                if delivery.pod == self.pod:
                    yield begins_at + delivery.due, delivery
