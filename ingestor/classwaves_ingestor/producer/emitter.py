"""What one process emits with: its source, its spool and its ways to Kafka."""

import logging
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from classwaves_ingestor.producer.backlog import Backlog
from classwaves_ingestor.producer.delivery import Delivery, DeliveryPolicy
from classwaves_ingestor.producer.direct import DirectWay
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
from classwaves_ingestor.producer.transport import Connect
from classwaves_runtime.clock import Clock

log = logging.getLogger(__name__)

_STOP_SECONDS = 2.0
_STILL_SECONDS = 5.0


class Emitter:
    """Numbers drafts and sends them: durable ones by way of the spool, the others directly.

    Args:
        settings: folder and limits.
        component: the service that emits.
        clock: the time.
        connect: makes a way to Kafka.
        metrics: to count in.
        policy: how fast the spool is sent.

    Raises:
        SettingsError: the component is no identifier, or librdkafka refuses an option.
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
        self._minting = threading.Lock()
        self._closed = False
        self._direct = DirectWay(connect, metrics, clock)
        self._backlog = Backlog(settings.spool_folder, settings.spool_max_bytes, metrics, clock)
        self._delivery = Delivery(
            self._backlog,
            connect,
            metrics=metrics,
            clock=clock,
            policy=policy,
            count_direct=self._direct.count,
        )
        try:
            self._backlog.own()
        except SpoolUnavailable as error:
            log.error("events cannot be spooled for now", extra={"error": str(error)})  # noqa: TRY400  # it tells all
        self._delivery.start()

    def write(self, draft: Draft) -> None:
        """Take a durable event.

        Raises:
            EventTooLarge, SpoolFull, SpoolUnavailable, PublisherClosed: it was not taken.
        """
        with self._minting:
            value = self._complete(draft)
            minted = self._clock.now().timestamp()
            while True:
                spool = self._backlog.own()
                try:
                    spool.append(draft.session_id, value, minted)
                    self._sequences.spend(draft.session_id)
                    break
                except BrokenSpool:
                    spool.recount()
                    if self._backlog.retire(spool):
                        # It may hold the event in spite of all. Its number must not be given to another.
                        self._sequences.renew()
                        raise
                except PublisherError:
                    raise
                except BaseException:  # a signal's handler may raise at any point
                    spool.recount()
                    self._backlog.retire(spool)
                    self._sequences.renew()
                    raise
        self._delivery.wake()

    def send(self, draft: Draft) -> None:
        """Take an event that is lost if the process ends before Kafka has it.

        Raises:
            EventTooLarge, QueueFull, PublisherClosed: it was not taken.
        """
        with self._minting:
            value = self._complete(draft)
            try:
                self._direct.send(draft.session_id, value)
                self._sequences.spend(draft.session_id)
            except PublisherError:
                raise
            except BaseException:
                self._sequences.renew()  # Kafka may get it: its number must not be given to another
                raise
        # Here and not on a thread of its own, which would have to wait for the interpreter's lock once per event.
        self._direct.poll()

    def flush(self, seconds: float) -> int:
        """Wait until all that was taken is delivered, but not longer than so. Returns how many events are not."""
        deadline = self._clock.monotonic() + seconds
        unsent = self._direct.flush(seconds)
        return unsent + self._delivery.flush(max(0.0, deadline - self._clock.monotonic()))

    def close(self, seconds: float) -> int:
        """Take nothing more, flush, and leave what is in the spool to the next process. Returns how many events."""
        deadline = self._clock.monotonic() + seconds
        with held_within(self._minting, seconds) as at_rest:
            self._closed = True
        left = self.flush(max(0.0, deadline - self._clock.monotonic()))
        self._direct.close()
        # An emit that is in the midst of it goes on when the signal's handler that called us returns.
        if self._delivery.stop(_STOP_SECONDS) and at_rest:
            with self._delivery.working:
                self._backlog.close()
        return left

    @contextmanager
    def still(self) -> Iterator[None]:
        """While this lasts no thread of ours is inside SQLite, whose locks a forked child would inherit as taken."""
        with ExitStack() as held:
            for lock in (self._minting, self._delivery.working):
                # A signal's handler may fork in the midst of an emit, which then holds the lock itself.
                held.enter_context(held_within(lock, _STILL_SECONDS))
            yield

    def disown(self) -> None:
        """In a forked child: leave the spools to the parent."""
        self._backlog.disown()
        self._delivery.disown()

    def _complete(self, draft: Draft) -> bytes:
        if self._closed:
            raise PublisherClosed
        value = self._sequences.complete(draft)
        if len(value) > self._max_event_bytes:
            raise EventTooLarge(
                f"A {draft.event_type} event has {len(value)} bytes; MAX_EVENT_BYTES is {self._max_event_bytes}."
            )
        return value
