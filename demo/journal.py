"""What the producers know: what they sent or emitted, and what they were answered."""

import csv
from enum import StrEnum
from pathlib import Path

from demo.delivery import Delivery

COLUMNS = {"session_id": "VARCHAR", "id": "VARCHAR", "reason": "VARCHAR", "answer": "VARCHAR"}
"""The columns of a journal, which is a CSV file without a header, and their types."""


class Answer(StrEnum):
    """What is known of an event. What was INTENDED or REFUSED may be in the table or not."""

    INTENDED = "intended"  # emit is about to be called; the process may die within
    RETURNED = "returned"  # emit returned its id
    ACKNOWLEDGED = "acknowledged"  # the broker said that it has the message
    REFUSED = "refused"  # the broker did not say so


def path_of(folder: Path, pod: str) -> Path:
    """Where a pod keeps its journal."""
    return folder / f"{pod}.csv"


class Journal:
    """One pod's record, over all its processes. What was written survives SIGKILL at once.

    Args:
        path: of its file, which may hold what an earlier process wrote.
    """

    def __init__(self, path: Path) -> None:
        self._lines = path.open("ab", buffering=0)
        with path.open(newline="") as lines:
            self.known = frozenset(event_id for _, event_id, _, _ in csv.reader(lines))
        self.refused = 0

    def write(self, delivery: Delivery, answer: Answer) -> None:
        """Record what is known of a delivery now."""
        self.refused += answer is Answer.REFUSED
        reason = "" if delivery.reason is None else delivery.reason.value
        self._lines.write(f"{delivery.session_id},{delivery.event_id},{reason},{answer}\n".encode())

    def close(self) -> None:
        """Write no more."""
        self._lines.close()
