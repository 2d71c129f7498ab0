"""The publisher for synchronous services."""

import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from random import randbytes
from time import perf_counter
from types import MappingProxyType, TracebackType
from typing import Self

from prometheus_client import REGISTRY, CollectorRegistry

from classwaves_ingestor.producer.delivery import DeliveryPolicy
from classwaves_ingestor.producer.draft import draft
from classwaves_ingestor.producer.emitter import FORK_SECONDS, Emitter
from classwaves_ingestor.producer.errors import PublisherClosed, PublisherError
from classwaves_ingestor.producer.forks import KeptInChildren
from classwaves_ingestor.producer.kafka import KafkaTransport, producer_options
from classwaves_ingestor.producer.locks import held_within
from classwaves_ingestor.producer.metrics import PublisherMetrics
from classwaves_ingestor.producer.settings import PublisherSettings
from classwaves_ingestor.producer.transport import Connect
from classwaves_runtime.clock import Clock, SystemClock
from classwaves_schemas.emit_types import typed_emit
from classwaves_schemas.identity import RANDOM_BYTES, new_event_id
from classwaves_schemas.payloads.payload import Payload
from classwaves_schemas.pseudonym import Pseudonymiser

PayloadFields = Payload | Mapping[str, object]
NO_FIELDS: Mapping[str, object] = MappingProxyType({})

_publishers: "KeptInChildren[EventPublisher]" = KeptInChildren()
_fork_locks = ExitStack()


class EventPublisher:
    """Emits session events. No durable event for which `emit` has returned is lost.

        publisher = EventPublisher(component="session-controller")
        publisher.emit(
            "started",
            session_id=session.id,
            teacher_id=teacher.id,
            payload={"readyGroupsAtStart": 4},
        )

    Thread-safe. After a fork, parent and child each have their own source and spool.

    Args:
        settings: from the environment by default.
        component: name of the service. The source of the events is this name with an instance
            id that is new at each start.
        clock: time source.
        registry: registers the metrics.
        connect: connects to the topic; Kafka by default. Tests pass `MemoryTransport().connect`.
        policy: pace of the delivery.

    Raises:
        SettingsError: a setting is missing or wrong, or the component is not an identifier.
        PseudonymKeyError: PSEUDONYM_KEY_FILE cannot be used.
    """

    def __init__(
        self,
        settings: PublisherSettings | None = None,
        *,
        component: str,
        clock: Clock | None = None,
        registry: CollectorRegistry = REGISTRY,
        connect: Connect | None = None,
        policy: DeliveryPolicy | None = None,
    ) -> None:
        settings = settings or PublisherSettings.from_environment(os.environ)
        key_file = settings.pseudonym_key_file
        self._pseudonymise = Pseudonymiser.from_file(key_file) if key_file else None
        self._clock = clock or SystemClock()
        self._metrics = PublisherMetrics.of(registry)
        self._start = partial(
            Emitter,
            settings,
            component,
            clock=self._clock,
            connect=connect or _kafka_connect(settings),
            metrics=self._metrics,
            policy=policy or DeliveryPolicy(),
        )
        self._closed = False
        self._starting = threading.RLock()
        self._inherited: list[Emitter] = []
        self._emitter: Emitter | None = self._start()
        _publishers.add(self)

    @typed_emit
    def emit(
        self,
        event_type: str,
        *,
        session_id: str,
        teacher_id: str,
        payload: PayloadFields = NO_FIELDS,
        school_id: str | None = None,
        trace_id: str | None = None,
        event_time: datetime | None = None,
        event_id: str | None = None,
        durable: bool = True,
    ) -> str:
        """Accept an event and return its id. Never waits for the network.

        Args:
            event_type: type of the event.
            session_id: session of the event.
            teacher_id: owner of the session.
            payload: fields of the event type, as a mapping or a payload model. Undeclared fields
                are dropped and counted. Pupils' ids become pseudonyms, or are dropped without a
                key.
            school_id: school of the session.
            trace_id: request or socket message that caused the event.
            event_time: aware time of the event; now by default.
            event_id: existing id of the event, the same at each attempt, like `event_time`; a
                UUIDv7 by default. A repeat gets its own sequence number, which is missing in the
                table.
            durable: False bypasses the spool: the event is lost if the process ends before Kafka
                acknowledges it.

        Raises:
            InvalidEvent: a field breaks the contract; the message names the field and the rule.
            EventTooLarge: the event exceeds MAX_EVENT_BYTES.
            SpoolFull, SpoolUnavailable: the spool cannot store the event.
            QueueFull: too many events with `durable=False` wait for Kafka.
            PublisherClosed: after `close`.
        """
        began = perf_counter()
        now = self._clock.now()
        fields = {
            "id": event_id or new_event_id(randomness=randbytes(RANDOM_BYTES)),  # noqa: S311  # no secret
            "event_type": event_type,
            "event_time": event_time or now,
            "session_id": session_id,
            "teacher_id": teacher_id,
            "school_id": school_id,
            "trace_id": trace_id,
            "payload": payload,
        }
        try:
            drafted = draft(fields, self._pseudonymise, now)
            emitter = self._emitter or self._started()
            if durable:
                emitter.write(drafted)
            else:
                emitter.send(drafted)
        except PublisherError as error:
            self._metrics.rejected(error)
            raise
        self._metrics.emitted(drafted, perf_counter() - began)
        return drafted.event_id

    def flush(self, timeout: float) -> int:
        """Wait until Kafka has all emitted events, at most `timeout` seconds.

        Includes events that other threads emit meanwhile. Returns the number of events that Kafka
        does not have yet; the spool delivers the durable ones later.
        """
        return self._emitter.flush(timeout) if self._emitter else 0

    def close(self, timeout: float = 5.0) -> int:
        """Refuse further events, and wait up to `timeout` seconds for the accepted ones.

        Returns the number that Kafka does not have; the next process that uses this SPOOL_FOLDER
        sends the durable ones.
        """
        deadline = self._clock.monotonic() + timeout
        with held_within(self._starting, timeout):
            self._closed = True
            emitter, self._emitter = self._emitter, None
        return emitter.close(max(0.0, deadline - self._clock.monotonic())) if emitter else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()

    def _started(self) -> Emitter:
        with self._starting:
            if self._closed:
                raise PublisherClosed
            if self._emitter is None:
                started = self._start()
                if self._emitter is None:
                    self._emitter = started
                else:  # a signal handler that emitted meanwhile was faster
                    started.close(0)
            return self._emitter

    @contextmanager
    def _without_threads_in_sqlite(self) -> Iterator[None]:
        with held_within(self._starting, FORK_SECONDS):
            if self._emitter is None:
                yield
            else:
                with self._emitter.without_threads_in_sqlite():
                    yield

    def _after_fork_in_child(self) -> None:
        self._starting = threading.RLock()
        emitter, self._emitter = self._emitter, None
        if emitter is not None:
            emitter.after_fork_in_child()
            # Closing the parent's connections would disturb the parent.
            self._inherited.append(emitter)


def _kafka_connect(settings: PublisherSettings) -> Connect:
    options = producer_options(settings.kafka, settings.max_event_bytes)
    return partial(KafkaTransport, options, settings.session_events_topic)


def _before_fork() -> None:
    for publisher in _publishers.living():
        _fork_locks.enter_context(publisher._without_threads_in_sqlite())


def _after_fork_in_child() -> None:
    _fork_locks.pop_all()  # released in the parent only
    for publisher in _publishers.living():
        publisher._after_fork_in_child()


os.register_at_fork(
    before=_before_fork, after_in_parent=_fork_locks.close, after_in_child=_after_fork_in_child
)
