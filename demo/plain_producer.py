"""A plain producer process: confluent-kafka and JSON, without the SDK.

`python -m demo.plain_producer ASSIGNMENT` sends what is its own when it is due, and ends with code
0 once the broker
has acknowledged all of it. SIGTERM ends it early, after what was sent is settled.
"""

import os
import sys
import threading
import time
from contextlib import closing

from confluent_kafka import KafkaError, Message, Producer

from classwaves_runtime.settings import kafka_options
from classwaves_runtime.signals import stop_event
from demo.faults import Delivery
from demo.producer import Answer, Assignment, Journal, path_of
from demo.school_day import GUIDANCE

OTHER_PARTITIONER = GUIDANCE
"""This pod partitions by CRC32, librdkafka's default; the others by murmur2, like Java and Node."""

_FLUSH_SECONDS = 120.0


def run(
    assignment: Assignment, producer: Producer, journal: Journal, stop: threading.Event
) -> None:
    """Send each delivery when due; return when all are acknowledged or `stop` is set."""
    for due, delivery in assignment.deliveries():
        while not stop.is_set() and (wait := due - time.time()) > 0:
            producer.poll(min(wait, 0.1))
        if stop.is_set():
            break
        _send(producer, assignment.topic, delivery, journal)
    producer.flush(_FLUSH_SECONDS)


def _send(producer: Producer, topic: str, delivery: Delivery, journal: Journal) -> None:
    def settled(error: KafkaError | None, _: Message) -> None:
        journal.write(delivery, Answer.ACKNOWLEDGED if error is None else Answer.REFUSED)

    while True:
        try:
            producer.produce(topic, delivery.value, delivery.key, on_delivery=settled)
        except BufferError:
            producer.poll(0.1)
        else:
            producer.poll(0)
            return


def main(assignment: Assignment) -> int:
    """Run to the end or until a signal; return the exit code."""
    partitioner = "consistent_random" if assignment.pod == OTHER_PARTITIONER else "murmur2_random"
    options = {"linger.ms": 20, "acks": "all", "enable.idempotence": True}
    producer = Producer({**options, **kafka_options(os.environ), "partitioner": partitioner})
    with closing(Journal(path_of(assignment.journals, assignment.pod))) as journal:
        run(assignment, producer, journal, stop_event())
    if unsettled := len(producer) + journal.refused:
        print(f"{assignment.pod}: {unsettled} messages were not acknowledged", file=sys.stderr)
    return 1 if unsettled else 0


if __name__ == "__main__":
    sys.exit(main(Assignment.from_command_line()))
