"""Sending events with `durable=False` directly to Kafka."""

import logging
import threading
from functools import partial

from classwaves_ingestor.producer.locks import held_within
from classwaves_ingestor.producer.metrics import PublisherMetrics
from classwaves_ingestor.producer.transport import Connect, Failure, OnFailure, Transport
from classwaves_runtime.clock import Clock

log = logging.getLogger(__name__)

_RECONNECT_SECONDS = 1.0
_COUNTING_SECONDS = 1.0


class DirectSender:
    """Connects with the first event, and reconnects after a fatal error.

    One thread at a time may send; the other methods are thread-safe.

    Args:
        connect: connects to Kafka.
        metrics: of the publisher.
        clock: paces reconnects.
    """

    def __init__(self, connect: Connect, metrics: PublisherMetrics, clock: Clock) -> None:
        self._connect = connect
        self._metrics = metrics
        self._clock = clock
        self._transport: Transport | None = None
        self._on_failure: OnFailure
        self._dead: Transport | None = None
        self._reconnect_at = float("-inf")
        self._delivered = 0
        self._counting = threading.RLock()
        self._logged: set[str] = set()

    def send(self, key: str, value: bytes) -> None:
        """Queue an event without waiting.

        Raises:
            QueueFull: the queue is full; the event was not accepted.
        """
        transport = self._connected() or self._reconnect()
        transport.send(key, value, self._on_failure)
        if self._connected() is None:  # this event may have revealed a fatal error
            self._reconnect().send(key, value, self._on_failure)

    def poll(self) -> None:
        """Process failures without waiting."""
        if self._transport is not None:
            self._transport.poll()

    def flush(self, seconds: float) -> int:
        """Wait for acknowledgements, at most this long; return the number of pending events."""
        left = 0 if self._transport is None else self._transport.flush(seconds)
        self.count()
        return left

    def count(self) -> None:
        """Count acknowledged events, also while no further event is sent."""
        if self._transport is not None:
            self._transport.poll()
            with held_within(self._counting, _COUNTING_SECONDS) as held:
                if held:
                    self._count(self._transport)

    def close(self) -> None:
        """Discard pending events."""
        if self._transport is not None:
            self._transport.close()

    def _connected(self) -> Transport | None:
        """The connection; None before the first one, or when a reconnect is due."""
        if self._transport is self._dead and self._clock.monotonic() >= self._reconnect_at:
            return None
        return self._transport

    def _reconnect(self) -> Transport:
        if self._transport is not None:
            self._reconnect_at = self._clock.monotonic() + _RECONNECT_SECONDS
        transport = self._connect()
        with self._counting:
            if self._transport is not None:
                self._transport.close()
                self._count(self._transport)
            self._delivered = transport.delivered()
            self._on_failure = transport.failure_callback(partial(self._record_failure, transport))
            self._transport, self._dead = transport, None
        return transport

    def _count(self, transport: Transport) -> None:
        delivered = transport.delivered()
        if delivered > self._delivered:
            before, self._delivered = self._delivered, delivered
            self._metrics.delivered(delivered - before)
            self._logged.clear()

    def _record_failure(self, transport: Transport, failure: Failure) -> None:
        self._metrics.failed(failure.reason, 1)
        if failure.fatal:
            self._dead = transport
        if failure.reason not in self._logged:  # one log line per reason, not per event
            self._logged.add(failure.reason)
            log.warning(
                "An event that is not durable was not delivered", extra={"reason": failure.reason}
            )
