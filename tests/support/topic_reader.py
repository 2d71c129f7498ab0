"""Reads whole topics without the ingestor's own reader."""

from collections.abc import Mapping
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from tests.support.traffic import Coordinates


def read_topic(bootstrap_servers: str, topic: str) -> list[Message]:
    """All messages of a topic up to its current end, in the order of each partition."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "none", "enable.partition.eof": True}
    )
    found = []
    try:
        unread = set(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        consumer.assign(
            [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in unread]
        )
        while unread:
            message = consumer.poll(30)
            assert message is not None, f"{topic}: no message within 30 s"
            error = message.error()
            if error is None:
                found.append(message)
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                unread.discard(message.partition())
    finally:
        consumer.close()
    return found


def dead_letter_reasons(
    bootstrap_servers: str, topic: str, topic_id: str
) -> Mapping[Coordinates, str]:
    """The reason of every dead-lettered message, by its partition and offset.

    Args:
        bootstrap_servers: address of the broker.
        topic: name of the dead-letter topic.
        topic_id: id of the source topic.
    """
    found: dict[Coordinates, str] = {}
    for message in read_topic(bootstrap_servers, topic):
        headers = {
            name: value.decode()
            for name, value in cast("list[tuple[str, bytes]]", message.headers())
            if name.startswith("dead-letter-")
        }
        if headers["dead-letter-topic-id"] == topic_id:
            partition, offset = headers["dead-letter-partition"], headers["dead-letter-offset"]
            found[int(partition), int(offset)] = headers["dead-letter-reason"]
    return found
