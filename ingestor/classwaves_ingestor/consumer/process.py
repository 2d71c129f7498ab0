"""The consumer process: it reads settings, serves health and metrics, and runs the pipeline."""

import logging
import os
import threading
from collections.abc import Callable

from prometheus_client import CollectorRegistry, ProcessCollector

from classwaves_ingestor import metrics
from classwaves_ingestor.consumer.backpressure import BackpressurePolicy
from classwaves_ingestor.consumer.build import build_pipeline
from classwaves_ingestor.consumer.memory_budget import MemoryBudget
from classwaves_ingestor.consumer.micro_batch import BatchPolicy
from classwaves_ingestor.consumer.observer import Observer
from classwaves_ingestor.consumer.pipeline import Pipeline
from classwaves_ingestor.consumer.sequences import SequenceWatch
from classwaves_ingestor.dead_letters.kafka import KafkaDeadLetterWriter
from classwaves_ingestor.dead_letters.limit import RejectLimit
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.broker_clock import KafkaBrokerClock
from classwaves_ingestor.kafka.consumer import KafkaGroupConsumer, consumer_options
from classwaves_ingestor.kafka.topic_creation import check_message_size
from classwaves_ingestor.kafka.topics import TopicReader, describe_topic
from classwaves_ingestor.settings import DEAD_LETTER_WINDOW, IngestorSettings
from classwaves_ingestor.upkeep.supervisor import NoUpkeep, UpkeepOwner, UpkeepSupervisor
from classwaves_runtime.clock import Clock, SystemClock
from classwaves_runtime.errors import SettingsError
from classwaves_runtime.health import Health, dump_stacks_on_sigquit, serve_health, stall_watch
from classwaves_runtime.metrics import Meters
from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.errors import ContractError
from classwaves_schemas.pseudonym import Pseudonymiser
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.open import open_warehouse

log = logging.getLogger(__name__)

_FIRST_WAIT_SECONDS = 0.2
_LONGEST_WAIT_SECONDS = 10.0


def run(settings: IngestorSettings, stop: threading.Event) -> None:
    """Consume until `stop` is set, then commit the buffer and leave the group.

    A broker that does not answer is waited for, at the start as later.

    Raises:
        SettingsError, TopicMissing, DeadLetterTopicTooSmall, TableMissing, TableMismatch: the
            consumer cannot start.
        TopicRecreated: the positions in the table belong to another topic id.
        FatalConsumerError: the group removed this consumer for good.
    """
    clock, abandon, registry = SystemClock(), threading.Event(), CollectorRegistry()
    ProcessCollector(registry=registry)
    health = Health(clock)
    meters = Meters(metrics.CONSUMER, registry)
    observer = Observer(
        meters,
        health,
        clock,
        SequenceWatch(_budget(settings).sequences),
    )
    upkeep = _upkeep(settings, meters, clock)
    dump_stacks_on_sigquit()
    with serve_health(settings.http_port, health, registry), stall_watch(health):
        pipeline = _wait_for_broker(
            lambda: _connect(settings, clock, abandon, observer, upkeep), observer, stop
        )
        if pipeline is None:
            return
        try:
            while not stop.is_set():
                pipeline.run_once()
            if not pipeline.drain(settings.drain_seconds, abandon):
                log.warning(
                    "The drain did not end before its deadline. The next owner of the partitions "
                    "reads the rest again."
                )
        finally:
            abandon.set()
            pipeline.close()


def _wait_for_broker(
    build: Callable[[], Pipeline], observer: Observer, stop: threading.Event
) -> Pipeline | None:
    """Build the pipeline once the broker answers; None if `stop` ends the wait."""

    def waiting(_attempt: int, error: BaseException) -> None:
        if isinstance(error, BrokerUnavailable):
            observer.retrying(error)
        observer.waiting()

    policy = RetryPolicy(
        attempts=None,
        first=_FIRST_WAIT_SECONDS,
        longest=_LONGEST_WAIT_SECONDS,
        sleep=stop.wait,
        abandoned=stop.is_set,
    )
    try:
        return policy.run(
            lambda _attempt: build(),
            retry_on=BrokerUnavailable,
            before_sleep=waiting,
        )
    except BrokerUnavailable:
        return None


def _connect(
    settings: IngestorSettings,
    clock: Clock,
    abandon: threading.Event,
    observer: Observer,
    upkeep: UpkeepOwner,
) -> Pipeline:
    pseudonymise = _pseudonymiser(settings)
    budget = _budget(settings)
    options = consumer_options(settings.kafka, settings.ingestor_group, budget.prefetch)
    admin = connect(settings.kafka)
    source = describe_topic(admin, settings.session_events_topic)
    dead_letters = describe_topic(admin, settings.dead_letter_topic)
    check_message_size(source, dead_letters)
    return build_pipeline(
        consumer=KafkaGroupConsumer(options, source.name, TopicReader(admin, source.name)),
        warehouse=open_warehouse(settings.warehouse, settings.dedup_limits),
        stream=Stream(settings.ingestor_group, source.name, source.topic_id),
        dead_letters=KafkaDeadLetterWriter(
            settings.kafka, dead_letters.name, dead_letters.max_message_bytes
        ),
        dead_letter_bytes=budget.dead_letters,
        broker_clock=KafkaBrokerClock(settings.kafka, admin, settings.clock_topic),
        clock_skew=settings.broker_clock_skew_seconds,
        clock=clock,
        observer=observer,
        upkeep=upkeep,
        batch=BatchPolicy(
            settings.batch_max_rows, settings.batch_max_bytes, settings.batch_max_seconds
        ),
        budget=BackpressurePolicy(budget.held),
        limit=RejectLimit(settings.dead_letter_limit, DEAD_LETTER_WINDOW),
        idle_commit_seconds=settings.idle_commit_seconds,
        pseudonymise=pseudonymise,
        abandon=abandon,
    )


def _budget(settings: IngestorSettings) -> MemoryBudget:
    return MemoryBudget.of(settings.memory_budget_bytes, settings.batch_max_bytes)


def _upkeep(settings: IngestorSettings, meters: Meters, clock: Clock) -> UpkeepOwner:
    if not settings.upkeep_seconds:
        return NoUpkeep()
    return UpkeepSupervisor.every(settings.upkeep_seconds, os.environ, meters, clock)


def _pseudonymiser(settings: IngestorSettings) -> Pseudonymiser | None:
    if settings.pseudonym_key_file is None:
        log.warning(
            "PSEUDONYM_KEY_FILE is not set: pupils' ids that are not pseudonyms are dropped and "
            "counted"
        )
        return None
    try:
        return Pseudonymiser.from_file(settings.pseudonym_key_file)
    except ContractError as error:
        raise SettingsError(f"PSEUDONYM_KEY_FILE: {error}") from error
