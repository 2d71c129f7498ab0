"""What lies in a dead-letter topic."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from classwaves_ingestor.dead_letters.headers import OFFSET, PARTITION, REASON

_SECONDS = 10.0

Headers = Sequence[tuple[str, bytes]]


def by_reason(options: Mapping[str, str], topic: str) -> Counter[str]:
    """Distinct messages that have a letter, by the letter's reason: a crash may have written one twice.

    Args:
        options: librdkafka's.
        topic: the dead-letter topic.
    """
    reasons: dict[tuple[str, str], str] = {}
    for message in _read(options, topic):
        headers = {name: value.decode() for name, value in cast("Headers", message.headers())}
        reasons[headers[PARTITION], headers[OFFSET]] = headers[REASON]
    return Counter(reasons.values())


def _read(options: Mapping[str, str], topic: str) -> Iterator[Message]:
    consumer = Consumer(
        {**options, "group.id": topic, "enable.auto.commit": False, "enable.partition.eof": True}
    )
    try:
        partitions = consumer.list_topics(topic, timeout=_SECONDS).topics[topic].partitions
        consumer.assign(
            [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions]
        )
        unread = set(partitions)
        while unread:
            message = consumer.poll(_SECONDS)
            if message is None:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic} gives nothing"))
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                unread.discard(message.partition())
            else:
                raise KafkaException(error)
    finally:
        consumer.close()
