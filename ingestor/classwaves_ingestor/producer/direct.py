"""The way to Kafka of events that are not durable: past the spool."""

import logging
import threading
from functools import partial

from classwaves_ingestor.producer.locks import held_within
from classwaves_ingestor.producer.metrics import PublisherMetrics
from classwaves_ingestor.producer.transport import Connect, Failure, Refusal, Transport
from classwaves_runtime.clock import Clock

log = logging.getLogger(__name__)

_RECONNECT_SECONDS = 1.0
_COUNTING_SECONDS = 1.0


class DirectWay:
    """Connects with the first event, and anew once a connection takes nothing any more.

    One thread at a time may send; any thread may call the rest meanwhile.

    Args:
        connect: makes a connection.
        metrics: to count in.
        clock: says when to connect anew if that did not help before.
    """

    def __init__(self, connect: Connect, metrics: PublisherMetrics, clock: Clock) -> None:
        self._connect = connect
        self._metrics = metrics
        self._clock = clock
        self._transport: Transport | None = None
        self._refusal: Refusal
        self._dead: Transport | None = None
        self._reconnect_at = float("-inf")
        self._delivered = 0
        self._counting = threading.Lock()
        self._told: set[str] = set()

    def send(self, key: str, value: bytes) -> None:
        """Take an event in and return at once.

        Raises:
            QueueFull: no more room in memory; nothing was taken.
        """
        transport = self._living() or self._reach()
        transport.send(key, value, self._refusal)
        if self._living() is None:  # it may have told so by refusing this event
            self._reach().send(key, value, self._refusal)

    def poll(self) -> None:
        """Hear what was refused; never waits."""
        if self._transport is not None:
            self._transport.poll()

    def flush(self, seconds: float) -> int:
        """Wait until all that was sent is settled, but not longer than so. Returns how many events are not."""
        left = 0 if self._transport is None else self._transport.flush(seconds)
        self.count()
        return left

    def count(self) -> None:
        """Count what Kafka has by now; nobody else would if no more events come."""
        if self._transport is not None:
            self._transport.poll()
            with held_within(self._counting, _COUNTING_SECONDS) as held:
                if held:
                    self._count(self._transport)

    def close(self) -> None:
        """Forget what is not settled."""
        if self._transport is not None:
            self._transport.close()

    def _living(self) -> Transport | None:
        """The connection; None if there is none yet, or if it is dead and time for another."""
        if self._transport is self._dead and self._clock.monotonic() >= self._reconnect_at:
            return None
        return self._transport

    def _reach(self) -> Transport:
        if self._transport is not None:
            self._reconnect_at = self._clock.monotonic() + _RECONNECT_SECONDS
        transport = self._connect()
        with self._counting:
            if self._transport is not None:
                self._transport.close()
                self._count(self._transport)
            self._delivered = transport.delivered()
            self._refusal = transport.refusal(partial(self._refused, transport))
            self._transport, self._dead = transport, None
        return transport

    def _count(self, transport: Transport) -> None:
        delivered = transport.delivered()
        if delivered > self._delivered:
            self._metrics.delivered(delivered - self._delivered)
            self._delivered = delivered
            self._told.clear()

    def _refused(self, transport: Transport, failure: Failure) -> None:
        self._metrics.failed(failure.reason, 1)
        if failure.fatal:
            self._dead = transport
        if failure.reason not in self._told:  # a line for each event would be a flood
            self._told.add(failure.reason)
            log.warning(
                "an event that is not durable was refused", extra={"reason": failure.reason}
            )
