"""What happens in several schools on one day: a pure function of its arguments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from random import Random

from demo.happening import Happening
from demo.lesson import Lesson, new_id

SCHOOLS = 6
EVENTS_PER_TEACHER = 380
"""About how much happens in the lessons of one teacher; a unit test holds it."""

_PERIODS = (time(8, 15), time(9, 20), time(10, 40), time(11, 45), time(13, 30))
_STAGGER = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class SchoolDay:
    """Which day it is.

    Args:
        seed: the same seed is the same day, to the last id.
        on: the date, in UTC.
        teachers: how many teach, spread evenly over the schools; each gives a lesson in every period.
    """

    seed: int
    on: date
    teachers: int

    def happenings(self) -> list[Happening]:
        """Everything that happens, in the order in which it does."""
        told = [happening for lesson in self._lessons() for happening in lesson.happenings()]
        return sorted(told, key=lambda happening: happening.at)

    def _lessons(self) -> Iterator[Lesson]:
        rng = Random(self.seed)
        schools = [new_id(rng) for _ in range(SCHOOLS)]
        for number in range(self.teachers):
            teacher_id = new_id(rng)
            for period in _PERIODS:
                begins = datetime.combine(self.on, period, UTC) + _STAGGER * rng.random()
                yield Lesson(rng, schools[number % SCHOOLS], teacher_id, begins)


def told(happenings: Sequence[Happening], begins: datetime, seconds: float) -> list[Happening]:
    """The same day told live and faster: each thing happens when it is told.

    Args:
        happenings: a day, in order and not empty.
        begins: when the first thing happens.
        seconds: how long after it the last one does.
    """
    first, last = happenings[0].at, happenings[-1].at
    scale = seconds / max((last - first).total_seconds(), 1.0)
    return [happening.moved(begins + (happening.at - first) * scale) for happening in happenings]
