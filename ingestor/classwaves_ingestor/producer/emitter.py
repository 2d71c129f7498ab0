"""The emitting side of one process: source, sequence numbers, spool and delivery."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from typing import NamedTuple

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
from classwaves_ingestor.producer.spool import SpoolInUse
from classwaves_ingestor.producer.spool_file import BrokenSpool
from classwaves_ingestor.producer.spool_set import SpoolSet
from classwaves_ingestor.producer.transport import Connect
from classwaves_runtime.clock import Clock

log = logging.getLogger(__name__)

_STOP_SECONDS = 2.0
FORK_SECONDS = 5.0
"""Longest wait of a fork for a thread that emits."""


class Lane(NamedTuple):
    """A source with a spool of its own, which one thread at a time uses."""

    number: int
    sequences: Sequences


class Emitter:
    """Numbers drafts and sends them: durable ones through the spool, others directly.

    All threads share one lane in turn. A signal handler or finalizer that interrupted its own
    thread there cannot wait for it, and uses another lane.

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
        self._component = component
        self._lane_numbers = count()
        self._lane = self._new_lane()
        self._numbering = threading.RLock()
        self._in_lane = False
        self._free_lanes: list[Lane] = []
        self._closed = False
        self._direct = DirectSender(connect, metrics, clock)
        self._spools = SpoolSet(
            settings.spool_folder,
            settings.spool_max_bytes,
            settings.session_events_topic,
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
        if not self._in_turn(self._write, draft):
            self._write_apart(draft)
        self._delivery.wake()

    def send(self, draft: Draft) -> None:
        """Accept an event that is lost if the process ends before Kafka acknowledges it.

        One that interrupts an emit of its own thread is written to a spool nevertheless.

        Raises:
            EventTooLarge, QueueFull, PublisherClosed: the event was not accepted.
        """
        if self._in_turn(self._send, draft):
            # A separate thread would have to wait for the interpreter lock once per event.
            self._direct.poll()
        else:
            self.write(draft)

    def flush(self, seconds: float) -> int:
        """Wait for the delivery of all accepted events, at most this long; return the rest."""
        deadline = self._clock.monotonic() + seconds
        unsent = self._direct.flush(seconds)
        return unsent + self._delivery.flush(max(0.0, deadline - self._clock.monotonic()))

    def close(self, seconds: float) -> int:
        """Refuse further events and flush; return the number of events left to the next process."""
        deadline = self._clock.monotonic() + seconds
        with held_within(self._numbering, seconds) as held:
            self._closed = True
            # An interrupted emit continues when the signal handler that called us returns.
            idle = held and not self._in_lane
        left = self.flush(max(0.0, deadline - self._clock.monotonic()))
        stopped = self._delivery.stop(_STOP_SECONDS)
        self._direct.close()
        if stopped and idle:
            with held_within(self._delivery.fork_lock, FORK_SECONDS) as held:
                if held:
                    self._spools.close()
        return left

    @contextmanager
    def without_threads_in_sqlite(self) -> Iterator[None]:
        """Keep our threads out of SQLite, whose locks a forked child would inherit as taken."""
        with ExitStack() as held:
            for lock in (self._numbering, self._delivery.fork_lock):
                held.enter_context(held_within(lock, FORK_SECONDS))
            yield

    def after_fork_in_child(self) -> None:
        """Leave the spools to the parent process."""
        self._spools.after_fork_in_child()
        self._delivery.after_fork_in_child()

    def _new_lane(self) -> Lane:
        return Lane(next(self._lane_numbers), Sequences(self._component))

    def _in_turn(self, accept: Callable[[Lane, Draft], None], draft: Draft) -> bool:
        """Accept an event on the shared lane; False if this thread cannot wait for it."""
        if sys.is_finalizing():  # a daemon thread may have ended while it held the lock
            return False
        with self._numbering:
            if self._in_lane:
                return False
            self._in_lane = True
            try:
                accept(self._lane, draft)
            except SpoolInUse:
                return False
            finally:
                self._in_lane = False
            return True

    def _write_apart(self, draft: Draft) -> None:
        """Accept an event on a free lane."""
        try:
            lane = self._free_lanes.pop()
        except IndexError:
            lane = self._new_lane()
        try:
            self._write(lane, draft)
        except SpoolInUse:
            self._write_apart(draft)
        finally:
            self._free_lanes.append(lane)

    def _write(self, lane: Lane, draft: Draft) -> None:
        value = self._complete(lane, draft)
        minted_at = self._clock.now().timestamp()
        while True:
            spool = self._spools.own_spool(lane.number)
            try:
                spool.append(draft.session_id, value, minted_at)
                lane.sequences.commit(draft.session_id)
            except BrokenSpool:
                spool.recount()
                if self._spools.retire(spool):
                    # The file may hold the event: never reuse its number.
                    lane.sequences.new_source()
                    raise
                # Otherwise the delivery thread had already retired it: write the same message, with
                # the same number, to the next spool. A second copy is a repeat.
            except PublisherError:
                raise
            except BaseException:  # a signal handler may raise at any point
                spool.recount()
                self._spools.retire(spool)
                lane.sequences.new_source()
                raise
            else:
                return

    def _send(self, lane: Lane, draft: Draft) -> None:
        value = self._complete(lane, draft)
        try:
            self._direct.send(draft.session_id, value)
            lane.sequences.commit(draft.session_id)
        except PublisherError:
            raise
        except BaseException:
            lane.sequences.new_source()  # Kafka may get it: never reuse its number
            raise

    def _complete(self, lane: Lane, draft: Draft) -> bytes:
        if self._closed:
            raise PublisherClosed
        value = lane.sequences.complete(draft)
        if len(value) > self._max_event_bytes:
            raise EventTooLarge(
                f"A {draft.event_type} event has {len(value)} bytes; MAX_EVENT_BYTES is "
                f"{self._max_event_bytes}."
            )
        return value
