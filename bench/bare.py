"""The reference of the drain benchmark: consume a topic and only count its messages."""

import os
import time
from typing import Annotated

import typer
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from bench.command import run_benchmark
from classwaves_ingestor.consumer.pipeline import POLL_MESSAGES, POLL_SECONDS
from classwaves_runtime.settings import kafka_options


def consume(consumer: Consumer, count: int) -> float:
    """Return the seconds from the first poll until `count` messages are counted."""
    counted = 0
    began = time.perf_counter()
    while counted < count:
        counted += len(consumer.consume(POLL_MESSAGES, POLL_SECONDS))
    return time.perf_counter() - began


def main(
    topic: Annotated[str, typer.Argument(help="Topic to consume from its beginning.")],
    count: Annotated[int, typer.Argument(help="Messages to count.", min=1)],
) -> None:
    """Consume a topic without processing, and print the seconds."""
    consumer = Consumer(
        {**kafka_options(os.environ), "group.id": "bench-bare", "enable.auto.commit": False}
    )
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    consumer.assign(
        [TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in partitions]
    )
    typer.echo(consume(consumer, count))
    consumer.close()


if __name__ == "__main__":
    run_benchmark(main)
