"""A consumer on a real Kafka and a warehouse in memory; the test runs its loop."""

import threading
import time
from collections.abc import Callable

from classwaves_ingestor.consumer.backpressure import BackpressurePolicy
from classwaves_ingestor.consumer.build import build_pipeline
from classwaves_ingestor.consumer.micro_batch import BatchPolicy
from classwaves_ingestor.dead_letters.interface import DeadLetterWriter
from classwaves_ingestor.dead_letters.limit import RejectLimit
from classwaves_ingestor.kafka.broker_clock import KafkaBrokerClock
from classwaves_runtime.clock import Clock
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from tests.integration.ingestor.kafka.kafka_topic import KafkaTopic

CLOCK_SKEW = 1.0
_TIMEOUT_SECONDS = 60.0


class LiveConsumer:
    """A consumer whose batches are due after a fifth of a second."""

    def __init__(
        self,
        topic: KafkaTopic,
        warehouse: MemoryWarehouse,
        dead_letters: DeadLetterWriter,
        budget: BackpressurePolicy = BackpressurePolicy(bytes=1 << 30),  # noqa: B008 - frozen
        clock: Clock | None = None,
        end_interval: float = 0.0,
        idle_commit_seconds: float = 60.0,
    ) -> None:
        self.abandon = threading.Event()
        self.member = topic.consumer()
        self.pipeline = build_pipeline(
            consumer=self.member,
            warehouse=warehouse,
            stream=Stream(topic.group, topic.name, topic.topic_id),
            dead_letters=dead_letters,
            broker_clock=KafkaBrokerClock(topic.options, topic.admin, f"{topic.name}.clock"),
            clock_skew=CLOCK_SKEW,
            clock=clock,
            end_interval=end_interval,
            idle_commit_seconds=idle_commit_seconds,
            batch=BatchPolicy(rows=1000, bytes=1 << 20, seconds=0.2),
            budget=budget,
            limit=RejectLimit(ratio=1, messages=1000),
            abandon=self.abandon,
        )

    def close(self) -> None:
        self.abandon.set()
        self.pipeline.close()


def run_until(condition: Callable[[], object], *consumers: LiveConsumer) -> None:
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        for consumer in consumers:
            consumer.pipeline.run_once()
