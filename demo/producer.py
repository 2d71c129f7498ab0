"""What all producer processes share: the assignment on the command line, and the journal."""

import csv
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from demo.faults import Delivery, MessageFaults
from demo.school_day import SchoolDay, replay_live

COLUMNS = {"session_id": "VARCHAR", "id": "VARCHAR", "reason": "VARCHAR", "answer": "VARCHAR"}
"""The columns of a journal, which is a CSV file without a header, and their types."""


class Answer(StrEnum):
    """The outcome of an event. With INTENDED or REFUSED the table may hold it or not."""

    INTENDED = "intended"  # emit is about to be called; the process may die within
    RETURNED = "returned"  # emit returned its id
    ACKNOWLEDGED = "acknowledged"  # the broker acknowledged the message
    REFUSED = "refused"  # the broker did not acknowledge it


def path_of(folder: Path, pod: str) -> Path:
    """Where a pod keeps its journal."""
    return folder / f"{pod}.csv"


class Journal:
    """The journal of one pod and all its processes. Each entry survives SIGKILL.

    Args:
        path: of its file, which may hold what an earlier process wrote.
    """

    def __init__(self, path: Path) -> None:
        self._lines = path.open("ab", buffering=0)
        with path.open(newline="") as lines:
            self.known = frozenset(event_id for _, event_id, _, _ in csv.reader(lines))
        self.refused = 0

    def write(self, delivery: Delivery, answer: Answer) -> None:
        """Write the outcome of a delivery."""
        self.refused += answer is Answer.REFUSED
        reason = "" if delivery.reason is None else delivery.reason.value
        self._lines.write(f"{delivery.session_id},{delivery.event_id},{reason},{answer}\n".encode())

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


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
        message_faults: rates of message faults.
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
    message_faults: MessageFaults

    @classmethod
    def from_command_line(cls) -> Self:
        """The one argument of this process."""
        return cls.model_validate_json(sys.argv[1])

    def deliveries(self) -> Iterator[tuple[float, Delivery]]:
        """The deliveries of this pod, each with the Unix time at which it is due."""
        for number in range(self.days):
            seed, begins_at = self.seed + number, self.begins_at + number * self.day_seconds
            begins = datetime.fromtimestamp(begins_at, UTC)
            day = SchoolDay(seed, begins.date(), self.teachers).events()
            live = replay_live(day, begins, self.day_seconds * _LAST_EVENT)
            for delivery in self.message_faults.deliveries(live, begins, self.day_seconds, seed):
                if delivery.pod == self.pod:
                    yield begins_at + delivery.due, delivery
