"""The publisher for services that are not asynchronous."""

import ctypes
import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from random import randbytes
from time import perf_counter
from types import MappingProxyType, TracebackType
from typing import Literal, Self
from weakref import WeakSet

from prometheus_client import REGISTRY, CollectorRegistry

from classwaves_ingestor.producer.delivery import DeliveryPolicy
from classwaves_ingestor.producer.draft import draft
from classwaves_ingestor.producer.emitter import Emitter
from classwaves_ingestor.producer.errors import PublisherClosed, PublisherError
from classwaves_ingestor.producer.kafka import KafkaTransport, producer_options
from classwaves_ingestor.producer.locks import held_within
from classwaves_ingestor.producer.metrics import PublisherMetrics
from classwaves_ingestor.producer.settings import PublisherSettings
from classwaves_ingestor.producer.transport import Connect
from classwaves_runtime.clock import Clock, SystemClock
from classwaves_schemas.envelope import EventType
from classwaves_schemas.identity import RANDOM_BYTES, new_event_id
from classwaves_schemas.payloads.payload import Payload
from classwaves_schemas.pseudonym import Pseudonymiser

EventName = Literal[
    "configured",
    "started",
    "leader_ready",
    "member_join",
    "member_leave",
    "ended",
    "prompt_interaction",
]
Fields = Payload | Mapping[str, object]
NOTHING: Mapping[str, object] = MappingProxyType({})

_publishers: "WeakSet[EventPublisher]" = WeakSet()
_still = ExitStack()


class EventPublisher:
    """Emits the events of sessions. An event that `emit` has returned is not lost.

        publisher = EventPublisher(component="session-controller")
        publisher.emit("started", session_id=session.id, teacher_id=teacher.id, payload={"readyGroupsAtStart": 4})

    Any thread may emit. A process that forks may emit in parent and child: each has a source and a spool of its own.

    Args:
        settings: from the environment by default.
        component: the service that emits; with an instance that is new at each start it is the events' source.
        clock: the time.
        registry: where the metrics are registered.
        connect: makes the way to the topic; Kafka's by default. Tests give `MemoryTransport().connect`.
        policy: how fast the spool is sent.

    Raises:
        SettingsError: a setting is missing or wrong, or the component is no identifier.
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
            connect=connect or _kafka(settings),
            metrics=self._metrics,
            policy=policy or DeliveryPolicy(),
        )
        self._closed = False
        self._starting = threading.Lock()
        self._emitter: Emitter | None = self._start()
        _publishers.add(self)

    def emit(
        self,
        event_type: EventName | EventType,
        *,
        session_id: str,
        teacher_id: str,
        payload: Fields = NOTHING,
        school_id: str | None = None,
        trace_id: str | None = None,
        event_time: datetime | None = None,
        event_id: str | None = None,
        durable: bool = True,
    ) -> str:
        """Take an event and return its id. Waits for no network.

        Args:
            event_type: what happened.
            session_id: in which session.
            teacher_id: who owns the session.
            payload: the type's own fields, as a mapping or as the payload's model. Undeclared ones are dropped and
                counted; pupils' ids become pseudonyms or, without a key, are dropped and counted.
            school_id: the session's school.
            trace_id: the request or socket message that caused it.
            event_time: when it happened, aware; now by default.
            event_id: an id that the event has already, the same at each attempt, and so should be `event_time`; a
                UUIDv7 by default. A repeat takes a number of its own, which is missing in the table.
            durable: False skips the spool. Such an event is lost if the process ends before Kafka has it.

        Raises:
            InvalidEvent: a field breaks the contract; the error names it and what was expected.
            EventTooLarge: it exceeds MAX_EVENT_BYTES.
            SpoolFull, SpoolUnavailable: the spool cannot take it.
            QueueFull: it is not durable, and too many of its kind wait for Kafka.
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
        """Wait until nothing that was emitted is still to reach Kafka, but not longer than `timeout` seconds.

        What other threads emit meanwhile is waited for too. Returns how many events are not in Kafka; durable ones are
        on their way still.
        """
        return self._emitter.flush(timeout) if self._emitter else 0

    def close(self, timeout: float = 5.0) -> int:
        """Take no more events, and give those that were taken `timeout` seconds to reach Kafka.

        Returns how many did not; the next process to start with this SPOOL_FOLDER sends the durable ones.
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
            self._emitter = self._emitter or self._start()
            return self._emitter

    def _forget_parent(self) -> None:
        self._starting = threading.Lock()
        emitter, self._emitter = self._emitter, None
        if emitter is not None:
            emitter.disown()
            # Closing the parent's connections here would harm the parent, and wait for threads that are not here.
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(emitter))


def _kafka(settings: PublisherSettings) -> Connect:
    options = producer_options(settings.kafka, settings.max_event_bytes)
    return partial(KafkaTransport, options, settings.session_events_topic)


def _before_fork() -> None:
    for publisher in list(_publishers):
        if publisher._emitter is not None:
            _still.enter_context(publisher._emitter.still())


def _after_fork_in_child() -> None:
    _still.pop_all()  # to be released in the parent alone
    for publisher in _publishers:
        publisher._forget_parent()


os.register_at_fork(
    before=_before_fork, after_in_parent=_still.close, after_in_child=_after_fork_in_child
)
