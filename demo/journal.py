"""What the producers know: each message that they sent, and whether the broker acknowledged it."""

import csv
from pathlib import Path
from typing import TextIO

from confluent_kafka import KafkaError, Message

from demo.delivery import Delivery

COLUMNS = {"session_id": "VARCHAR", "id": "VARCHAR", "reason": "VARCHAR", "acknowledged": "BOOLEAN"}
"""The columns of a journal, which is a CSV file without a header, and their types."""


def path_of(folder: Path, pod: str) -> Path:
    """Where a pod keeps its journal."""
    return folder / f"{pod}.csv"


class Journal:
    """One producer's record. A line is written when the broker's answer is known."""

    def __init__(self, lines: TextIO) -> None:
        self._writer = csv.writer(lines)
        self.unacknowledged = 0

    def write(self, delivery: Delivery, error: KafkaError | None, _message: Message) -> None:
        """Record a delivery report, as confluent_kafka gives it."""
        self.unacknowledged += error is not None
        reason = "" if delivery.reason is None else delivery.reason.value
        self._writer.writerow((delivery.session_id, delivery.event_id, reason, error is None))
