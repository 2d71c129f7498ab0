"""A consumer on a real Kafka and a warehouse in the process, turned by the test."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry

from classwaves_ingestor import catalogue
from classwaves_ingestor.consumer.backpressure import Backpressure, BackpressurePolicy
from classwaves_ingestor.consumer.committer import Committer
from classwaves_ingestor.consumer.decode import Decoder
from classwaves_ingestor.consumer.freshness import Freshness
from classwaves_ingestor.consumer.microbatch import BatchPolicy, Gathering
from classwaves_ingestor.consumer.observer import Observer
from classwaves_ingestor.consumer.pipeline import Pipeline
from classwaves_ingestor.dead_letters.interface import DeadLetters
from classwaves_ingestor.dead_letters.letter import Origin
from classwaves_ingestor.dead_letters.limit import RejectLimit, RejectLimitState
from classwaves_runtime.clock import SystemClock
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.memory import MemoryWarehouse
from classwaves_warehouse.stream import Stream
from tests.integration.ingestor.broker.kafka_topic import KafkaTopic

_PATIENCE_SECONDS = 60.0


class LiveConsumer:
    """Its batches are due after a fifth of a second."""

    def __init__(
        self,
        topic: KafkaTopic,
        warehouse: MemoryWarehouse,
        letters: DeadLetters,
        budget: BackpressurePolicy = BackpressurePolicy(bytes=1 << 30),  # noqa: B008 - frozen
    ) -> None:
        clock, topic_id = SystemClock(), topic.topic_id
        self.abandon = threading.Event()
        self.member = topic.member()
        self.gathering = Gathering(BatchPolicy(rows=1000, bytes=1 << 20, seconds=0.2))
        observer = Observer(Meters(catalogue.CONSUMER, CollectorRegistry()), Health(clock), clock)
        self.pipeline = Pipeline(
            member=self.member,
            decoder=Decoder(topic_id, None),
            committer=Committer(
                member=self.member,
                ledger=warehouse.ledger(Stream(topic.group, topic.name, topic_id)),
                dead_letters=letters,
                origin=Origin(topic.name, topic_id),
                freshness=Freshness(10_000),
                clock=clock,
                abandon=self.abandon,
                observer=observer,
                size=warehouse.events.size,
            ),
            ledger_thread=ThreadPoolExecutor(1),
            limit=RejectLimitState(RejectLimit(ratio=1, messages=1000)),
            gathering=self.gathering,
            backpressure=Backpressure(budget),
            clock=clock,
            observer=observer,
        )

    def close(self) -> None:
        self.abandon.set()
        self.pipeline.close()


def turn_until(condition: Callable[[], object], *consumers: LiveConsumer) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        for consumer in consumers:
            consumer.pipeline.turn()
