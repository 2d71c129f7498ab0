"""A plain producer process: confluent-kafka and JSON, without our SDK.

`python -m demo.producer ASSIGNMENT` works out the days of its assignment, sends what is its own when it is due, and
ends with code 0 once the broker has acknowledged all of it. SIGTERM ends it early, after what was sent is settled.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from confluent_kafka import Producer
from pydantic import BaseModel, ConfigDict

from demo.delivery import Delivery
from demo.journal import Journal, path_of
from demo.lesson import GUIDANCE
from demo.mischief import Mischief
from demo.school_day import SchoolDay
from service.settings import kafka_options
from service.signals import stop_event

OTHER_PARTITIONER = GUIDANCE
"""The pod that partitions as librdkafka does by default, by CRC32; the others as Java and Node do, by murmur2."""

_FLUSH_SECONDS = 30.0


class Assignment(BaseModel):
    """What a producer is told.

    Arguments:
        pod: which producer it is.
        topic: where to send.
        journals: the folder for its journal.
        seed, on, teachers: the first day; each further one has the next seed and date.
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
    on: date
    teachers: int
    days: int
    begins_at: float
    day_seconds: float
    mischief: Mischief

    def days_deliveries(self) -> Iterator[tuple[float, list[Delivery]]]:
        """The Unix time at which each day begins, and the day's deliveries of this pod."""
        for number in range(self.days):
            seed = self.seed + number
            day = SchoolDay(seed, self.on + timedelta(days=number), self.teachers)
            sent = self.mischief.deliveries(day.happenings(), self.day_seconds, seed)
            yield self.begins_at + number * self.day_seconds, [each for each in sent if each.pod == self.pod]


def run(assignment: Assignment, producer: Producer, journal: Journal, stop: threading.Event) -> None:
    """Send each delivery when it is due; return when all is settled, or soon after `stop` is set."""
    for begins_at, deliveries in assignment.days_deliveries():
        for delivery in deliveries:
            while not stop.is_set() and (wait := begins_at + delivery.due - time.time()) > 0:
                producer.poll(min(wait, 0.1))
            if stop.is_set():
                break
            _send(producer, assignment.topic, delivery, journal)
    producer.flush(_FLUSH_SECONDS)


def _send(producer: Producer, topic: str, delivery: Delivery, journal: Journal) -> None:
    settled = partial(journal.write, delivery)
    while True:
        try:
            producer.produce(topic, delivery.value, delivery.key, on_delivery=settled)
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def main(assignment: Assignment) -> int:
    """Run until the end or a signal; the exit code."""
    partitioner = "consistent_random" if assignment.pod == OTHER_PARTITIONER else "murmur2_random"
    options = {"linger.ms": 20, "acks": "all", "enable.idempotence": True}
    producer = Producer({**options, **kafka_options(os.environ), "partitioner": partitioner})
    with path_of(assignment.journals, assignment.pod).open("w", newline="") as lines:
        journal = Journal(lines)
        run(assignment, producer, journal, stop_event())
    if unsettled := len(producer) + journal.unacknowledged:
        print(f"{assignment.pod}: {unsettled} messages were not acknowledged", file=sys.stderr)
    return 1 if unsettled else 0


if __name__ == "__main__":
    sys.exit(main(Assignment.model_validate_json(sys.argv[1])))
