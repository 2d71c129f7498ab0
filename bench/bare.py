"""The yardstick: consume a topic and only count. `python -m bench.bare TOPIC COUNT` prints the seconds it took."""

import os
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from classwaves_ingestor.consumer.pipeline import POLL_MESSAGES, POLL_SECONDS
from classwaves_runtime.settings import kafka_options


def consume(consumer: Consumer, count: int) -> float:
    """Seconds from the first poll until so many messages have been counted."""
    counted = 0
    began = time.perf_counter()
    while counted < count:
        counted += len(consumer.consume(POLL_MESSAGES, POLL_SECONDS))
    return time.perf_counter() - began


def main(topic: str, count: int) -> None:
    """Print the seconds."""
    consumer = Consumer(
        {**kafka_options(os.environ), "group.id": "bench-bare", "enable.auto.commit": False}
    )
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign(
        [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions]
    )
    print(consume(consumer, count))
    consumer.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
