"""The emitting side of one process: source, sequence numbers, spool and delivery."""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from classwaves_ingestor.producer.delivery import Delivery, DeliveryPolicy
from classwaves_ingestor.producer.direct_sender import DirectSender
from classwaves_ingestor.producer.draft import Draft
from classwaves_ingestor.producer.errors import (
    EventTooLarge,
    PublisherClosed,
    PublisherError,
    SpoolUnavailable,
)
from classwaves_ingestor.producer.locks import held_within
from classwaves_ingestor.producer.metrics import PublisherMetrics
from classwaves_ingestor.producer.sequences import Sequences
from classwaves_ingestor.producer.settings import PublisherSettings
from classwaves_ingestor.producer.spool import BrokenSpool
from classwaves_ingestor.producer.spool_set import SpoolSet
from classwaves_ingestor.producer.transport import Connect
from classwaves_runtime.clock import Clock

log = logging.getLogger(__name__)

_STOP_SECONDS = 2.0
_FORK_SECONDS = 5.0


class Emitter:
    """Numbers drafts and sends them: durable ones through the spool, others directly.

    Args:
        settings: folder and limits.
        component: name of the service.
        clock: time source.
        connect: connects to Kafka.
        metrics: of the publisher.
        policy: pace of the delivery.

    Raises:
        SettingsError: the component is not an identifier, or librdkafka refuses an option.
    """

    def __init__(
        self,
        settings: PublisherSettings,
        component: str,
        *,
        clock: Clock,
        connect: Connect,
        metrics: PublisherMetrics,
        policy: DeliveryPolicy,
    ) -> None:
        self._max_event_bytes = settings.max_event_bytes
        self._clock = clock
        self._sequences = Sequences(component)
        self._numbering = threading.Lock()
        self._closed = False
        self._direct = DirectSender(connect, metrics, clock)
        self._spools = SpoolSet(
            settings.spool_folder,
            settings.spool_max_bytes,
            metrics,
            clock,
            adopted_at_once=policy.adopted_at_once,
            create_retry_seconds=policy.create_retry_seconds,
            adopt_retry_seconds=policy.adopt_retry_seconds,
        )
        self._delivery = Delivery(
            self._spools,
            connect,
            metrics=metrics,
            clock=clock,
            policy=policy,
            count_direct=self._direct.count,
        )
        try:
            self._spools.own_spool()
        except SpoolUnavailable as error:
            log.error("Events cannot be spooled for now", extra={"error": str(error)})  # noqa: TRY400
        self._delivery.start()

    def write(self, draft: Draft) -> None:
        """Accept a durable event.

        Raises:
            EventTooLarge, SpoolFull, SpoolUnavailable, PublisherClosed: the event was not accepted.
        """
        with self._numbering:
            value = self._complete(draft)
            minted_at = self._clock.now().timestamp()
            while True:
                spool = self._spools.own_spool()
                try:
                    spool.append(draft.session_id, value, minted_at)
                    self._sequences.commit(draft.session_id)
                    break
                except BrokenSpool:
                    spool.recount()
                    if self._spools.retire(spool):
                        # The file may hold the event: never reuse its number.
                        self._sequences.new_source()
                        raise
                except PublisherError:
                    raise
                except BaseException:  # a signal handler may raise at any point
                    spool.recount()
                    self._spools.retire(spool)
                    self._sequences.new_source()
                    raise
        self._delivery.wake()

    def send(self, draft: Draft) -> None:
        """Accept an event that is lost if the process ends before Kafka acknowledges it.

        Raises:
            EventTooLarge, QueueFull, PublisherClosed: the event was not accepted.
        """
        with self._numbering:
            value = self._complete(draft)
            try:
                self._direct.send(draft.session_id, value)
                self._sequences.commit(draft.session_id)
            except PublisherError:
                raise
            except BaseException:
                self._sequences.new_source()  # Kafka may get it: never reuse its number
                raise
        # A separate thread would have to wait for the interpreter lock once per event.
        self._direct.poll()

    def flush(self, seconds: float) -> int:
        """Wait for the delivery of all accepted events, at most this long; return the rest."""
        deadline = self._clock.monotonic() + seconds
        unsent = self._direct.flush(seconds)
        return unsent + self._delivery.flush(max(0.0, deadline - self._clock.monotonic()))

    def close(self, seconds: float) -> int:
        """Refuse further events and flush; return the number of events left to the next process."""
        deadline = self._clock.monotonic() + seconds
        with held_within(self._numbering, seconds) as idle:
            self._closed = True
        left = self.flush(max(0.0, deadline - self._clock.monotonic()))
        self._direct.close()
        # An interrupted emit continues when the signal handler that called us returns.
        if self._delivery.stop(_STOP_SECONDS) and idle:
            with self._delivery.fork_lock:
                self._spools.close()
        return left

    @contextmanager
    def without_threads_in_sqlite(self) -> Iterator[None]:
        """Keep our threads out of SQLite, whose locks a forked child would inherit as taken."""
        with ExitStack() as held:
            for lock in (self._numbering, self._delivery.fork_lock):
                # A signal handler may fork during an emit that holds the lock itself.
                held.enter_context(held_within(lock, _FORK_SECONDS))
            yield

    def after_fork_in_child(self) -> None:
        """Leave the spools to the parent process."""
        self._spools.after_fork_in_child()
        self._delivery.after_fork_in_child()

    def _complete(self, draft: Draft) -> bytes:
        if self._closed:
            raise PublisherClosed
        value = self._sequences.complete(draft)
        if len(value) > self._max_event_bytes:
            raise EventTooLarge(
                f"A {draft.event_type} event has {len(value)} bytes; MAX_EVENT_BYTES is "
                f"{self._max_event_bytes}."
            )
        return value
