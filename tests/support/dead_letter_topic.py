"""Reads a dead-letter topic without the ingestor's own reader."""

from collections.abc import Mapping
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from tests.support.traffic import Place


def reasons(bootstrap_servers: str, topic: str, topic_id: str) -> Mapping[Place, str]:
    """The reason of every dead-lettered message, by its partition and offset.

    Args:
        bootstrap_servers, topic: the dead-letter topic.
        topic_id: id of the source topic.
    """
    consumer = Consumer(
        {"bootstrap.servers": bootstrap_servers, "group.id": "none", "enable.partition.eof": True}
    )
    found: dict[Place, str] = {}
    try:
        unread = set(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        consumer.assign(
            [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in unread]
        )
        while unread:
            message = consumer.poll(30)
            assert message is not None, f"{topic} gives nothing"
            error = message.error()
            if error is None:
                headers = {
                    name: value.decode()
                    for name, value in cast("list[tuple[str, bytes]]", message.headers())
                }
                if headers["dead-letter-topic-id"] == topic_id:
                    place = (
                        int(headers["dead-letter-partition"]),
                        int(headers["dead-letter-offset"]),
                    )
                    found[place] = headers["dead-letter-reason"]
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                unread.discard(message.partition())
    finally:
        consumer.close()
    return found
