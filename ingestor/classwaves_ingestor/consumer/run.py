"""A consumer process, put together from its settings."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from prometheus_client import CollectorRegistry, ProcessCollector

from classwaves_ingestor import catalogue
from classwaves_ingestor.broker.kafka import KafkaMember, consumer_options
from classwaves_ingestor.consumer.backpressure import Backpressure, BackpressurePolicy
from classwaves_ingestor.consumer.committer import Committer
from classwaves_ingestor.consumer.decode import Decoder
from classwaves_ingestor.consumer.freshness import Freshness
from classwaves_ingestor.consumer.microbatch import BatchPolicy, Gathering
from classwaves_ingestor.consumer.observer import Observer
from classwaves_ingestor.consumer.pipeline import Pipeline
from classwaves_ingestor.dead_letters.kafka import KafkaDeadLetters
from classwaves_ingestor.dead_letters.letter import Origin
from classwaves_ingestor.dead_letters.limit import RejectLimit, RejectLimitState
from classwaves_ingestor.dead_letters.room import require_room
from classwaves_ingestor.settings import DEAD_LETTER_WINDOW, IngestorSettings
from classwaves_ingestor.topics.admin import connect
from classwaves_ingestor.topics.description import describe_topic
from classwaves_ingestor.topics.incarnation import Incarnation
from classwaves_runtime.clock import Clock, SystemClock
from classwaves_runtime.errors import SettingsError
from classwaves_runtime.health import Health
from classwaves_runtime.metrics import Meters
from classwaves_runtime.probes import probes
from classwaves_runtime.stacks import on_sigquit, stall_watch
from classwaves_schemas.errors import ContractError
from classwaves_schemas.pseudonym import Pseudonymiser
from classwaves_warehouse.open import open_warehouse
from classwaves_warehouse.stream import Stream

log = logging.getLogger(__name__)

_FRESHNESS_MS = 10_000
_PREFETCH_SHARE = 4  # of the memory budget goes to librdkafka


def run(settings: IngestorSettings, stop: threading.Event) -> None:
    """Consume until `stop` is set, then store what has been taken and leave the group.

    Raises:
        SettingsError, TopicMissing, DeadLetterTopicTooSmall, TableMissing, TableMismatch: it cannot start.
        TopicRecreated: the positions in the table were made for another incarnation of the topic.
        MostMessagesBad: the stream is broken.
    """
    clock, abandon, registry = SystemClock(), threading.Event(), CollectorRegistry()
    ProcessCollector(registry=registry)
    health = Health(clock)
    observer = Observer(Meters(catalogue.CONSUMER, registry), health, clock)
    on_sigquit()
    with probes(settings.http_port, health, registry), stall_watch(health):
        pipeline = assemble(settings, clock=clock, abandon=abandon, observer=observer)
        try:
            while not stop.is_set():
                pipeline.turn()
            if not pipeline.drain(settings.drain_seconds, abandon):
                log.warning(
                    "not all that was taken is stored; whoever owns the partitions next reads it again"
                )
        finally:
            abandon.set()
            pipeline.close()


def assemble(
    settings: IngestorSettings, *, clock: Clock, abandon: threading.Event, observer: Observer
) -> Pipeline:
    """A pipeline on a real broker and the warehouse that the settings name.

    Args:
        settings: of the process.
        clock: for every part.
        abandon: set when there is no more time to wait for a warehouse or a broker.
        observer: is told what happens.

    Raises:
        SettingsError, TopicMissing, DeadLetterTopicTooSmall, TableMissing, TableMismatch: it cannot start.
    """
    pseudonymise = _pseudonymiser(settings)
    admin = connect(settings.kafka)
    source = describe_topic(admin, settings.session_events_topic)
    letters = describe_topic(admin, settings.dead_letter_topic)
    require_room(source, letters)
    warehouse = open_warehouse(settings.warehouse)
    prefetch = settings.memory_budget_bytes // _PREFETCH_SHARE
    # While a batch is put together and screened it is in memory twice.
    budget = settings.memory_budget_bytes - prefetch - settings.batch_max_bytes
    observer.may_hold(budget)
    member = KafkaMember(
        consumer_options(settings.kafka, settings.ingestor_group, prefetch),
        source.name,
        Incarnation(admin, source.name),
    )
    return Pipeline(
        member=member,
        decoder=Decoder(source.topic_id, pseudonymise),
        committer=Committer(
            member=member,
            ledger=warehouse.ledger(Stream(settings.ingestor_group, source.name, source.topic_id)),
            dead_letters=KafkaDeadLetters(settings.kafka, letters.name, letters.max_message_bytes),
            origin=Origin(source.name, source.topic_id),
            freshness=Freshness(_FRESHNESS_MS),
            clock=clock,
            abandon=abandon,
            observer=observer,
            size=warehouse.events.size,
        ),
        ledger_thread=ThreadPoolExecutor(1, thread_name_prefix="ledger"),
        limit=RejectLimitState(RejectLimit(settings.dead_letter_limit, DEAD_LETTER_WINDOW)),
        gathering=Gathering(
            BatchPolicy(
                settings.batch_max_rows, settings.batch_max_bytes, settings.batch_max_seconds
            )
        ),
        backpressure=Backpressure(BackpressurePolicy(budget)),
        clock=clock,
        observer=observer,
    )


def _pseudonymiser(settings: IngestorSettings) -> Pseudonymiser | None:
    if settings.pseudonym_key_file is None:
        log.warning(
            "PSEUDONYM_KEY_FILE is not set: pupils' ids that are no pseudonyms are dropped and counted"
        )
        return None
    try:
        return Pseudonymiser.from_file(settings.pseudonym_key_file)
    except ContractError as error:
        raise SettingsError(f"PSEUDONYM_KEY_FILE: {error}") from error
