"""The composition root: builds a pipeline from its outer parts."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Final

from prometheus_client import CollectorRegistry

from classwaves_ingestor import metrics
from classwaves_ingestor.consumer.backpressure import Backpressure, BackpressurePolicy
from classwaves_ingestor.consumer.broker_time import BrokerTime
from classwaves_ingestor.consumer.committer import Committer
from classwaves_ingestor.consumer.decode import Decoder
from classwaves_ingestor.consumer.ingested_through import IngestedThrough
from classwaves_ingestor.consumer.micro_batch import BatchBuilder, BatchPolicy
from classwaves_ingestor.consumer.observer import Observer
from classwaves_ingestor.consumer.pipeline import Pipeline
from classwaves_ingestor.consumer.sequences import SequenceWatch
from classwaves_ingestor.dead_letters.dead_letter import SourceTopic
from classwaves_ingestor.dead_letters.interface import DeadLetterWriter
from classwaves_ingestor.dead_letters.limit import RejectLimit, RejectLimitState
from classwaves_ingestor.kafka.interface import BrokerClock, GroupConsumer
from classwaves_ingestor.upkeep.supervisor import NoUpkeep, UpkeepOwner
from classwaves_runtime.clock import Clock, SystemClock
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import Ledger, Stream, Warehouse

log = logging.getLogger(__name__)

_IDLE_COMMIT_SECONDS: Final = 60.0
_DEAD_LETTER_BYTES: Final = 1024 * 1024
_END_INTERVAL: Final = 10.0
"""Seconds between two requests for the end of one partition."""


def build_pipeline(
    *,
    consumer: GroupConsumer,
    warehouse: Warehouse,
    stream: Stream,
    dead_letters: DeadLetterWriter,
    broker_clock: BrokerClock,
    clock_skew: float,
    batch: BatchPolicy,
    budget: BackpressurePolicy,
    limit: RejectLimit,
    clock: Clock | None = None,
    observer: Observer | None = None,
    upkeep: UpkeepOwner | None = None,
    pseudonymise: Callable[[str], str] | None = None,
    abandon: threading.Event | None = None,
    dead_letter_bytes: int = _DEAD_LETTER_BYTES,
    ledger_thread: Executor | None = None,
    idle_commit_seconds: float = _IDLE_COMMIT_SECONDS,
    end_interval: float = _END_INTERVAL,
) -> Pipeline:
    """Wire a pipeline. Every stage gets the same clock and observer.

    Args:
        consumer: group member of the stream's topic, not subscribed yet.
        warehouse: destination of the rows.
        stream: consumer group, topic and topic id.
        dead_letters: destination of refused messages.
        broker_clock: of the topic's cluster.
        clock_skew: seconds by which the clocks of two brokers may differ.
        batch: limits at which a micro-batch is due.
        budget: memory of buffered and committing messages.
        limit: permitted share of refused messages.
        clock: of every stage; the system's by default.
        observer: receives metrics and state; by default one with its own metrics and health.
        upkeep: runs while this consumer owns partition 0; by default there is none.
        pseudonymise: replaces a pupil's id; None without a key.
        dead_letter_bytes: limit of the rejects that become dead letters at the same time.
        abandon: ends every wait for warehouse or broker once it is set.
        ledger_thread: executor with one worker; a new thread by default.
        idle_commit_seconds: seconds after which a partition without messages is committed.
        end_interval: seconds between two requests for the end of one partition.

    Raises:
        TableMissing, TableMismatch: the table does not exist, or differs from its contract.
    """
    clock = clock or SystemClock()
    observer = observer or Observer(
        Meters(metrics.CONSUMER, CollectorRegistry()), Health(clock), clock, SequenceWatch()
    )
    broker_time = BrokerTime(broker_clock, clock)
    committer = Committer(
        consumer=consumer,
        ledger=_prepared(warehouse.ledger(stream), clock),
        dead_letters=dead_letters,
        dead_letter_bytes=dead_letter_bytes,
        source=SourceTopic(stream.topic, stream.topic_id),
        broker_time=broker_time,
        ingested_through=IngestedThrough(end_interval, round(clock_skew * 1000)),
        clock=clock,
        abandon=abandon or threading.Event(),
        observer=observer,
        measure=warehouse.events.size,
    )
    observer.set_budget(budget.bytes)
    return Pipeline(
        consumer=consumer,
        decoder=Decoder(stream.topic_id, pseudonymise),
        committer=committer,
        ledger_thread=ledger_thread or ThreadPoolExecutor(1, thread_name_prefix="ledger"),
        limit=RejectLimitState(limit),
        batch_builder=BatchBuilder(batch),
        backpressure=Backpressure(budget),
        idle_commit_seconds=idle_commit_seconds,
        broker_time=broker_time,
        clock=clock,
        observer=observer,
        upkeep=upkeep or NoUpkeep(),
    )


def _prepared(ledger: Ledger, clock: Clock) -> Ledger:
    try:
        ledger.prepare(clock.now())
    except WarehouseUnavailable as error:
        log.warning("The ledger is not prepared, so the first commit will take longer: %s", error)
    return ledger
