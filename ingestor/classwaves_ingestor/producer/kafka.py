"""The transport to a real Kafka topic, on librdkafka."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from classwaves_ingestor.producer import greenlets
from classwaves_ingestor.producer.errors import QueueFull
from classwaves_ingestor.producer.forks import KeptInChildren
from classwaves_ingestor.producer.transport import Failure, OnFailure
from classwaves_runtime.errors import SettingsError

log = logging.getLogger(__name__)

_OF_THE_EVENT = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD}
_SHORTEST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.05
_RECORD_ROOM = 4096  # bytes for a record's key and framing

_REQUIRED: Mapping[str, str | bool | int] = {
    "enable.idempotence": True,
    "acks": "all",
    # Like Java's and Node's clients, so that a session has one partition.
    "partitioner": "murmur2_random",
    # No timeout: an event leaves the queue only delivered or refused.
    "delivery.timeout.ms": 0,
    # A report per event would take the interpreter lock from an emitting thread each time.
    "delivery.report.only.error": True,
}
"""The guarantees depend on these options; the environment cannot change them."""

_REFUSED = frozenset(
    {
        "message.timeout.ms",  # another name of delivery.timeout.ms
        "request.required.acks",  # another name of acks
        "transactional.id",  # outside a transaction nothing can be sent
    }
)

_transports: "KeptInChildren[KafkaTransport]" = KeptInChildren()


def producer_options(
    options: Mapping[str, str], max_event_bytes: int
) -> dict[str, str | bool | int]:
    """Librdkafka's configuration of the producer.

    Args:
        options: from the environment (KAFKA_X_Y as x.y); they override the defaults.
        max_event_bytes: bytes of the largest message.

    Raises:
        SettingsError: an option would break a guarantee.
    """
    for name in options.keys() & {*_REQUIRED, *_REFUSED}:
        variable = "KAFKA_" + name.upper().replace(".", "_")
        raise SettingsError(
            f"{variable} cannot be set: the guarantees depend on the publisher's value. Remove it."
        )
    defaults: dict[str, str | bool | int] = {
        "client.id": "classwaves-publisher",
        "log_level": 2,  # `error_cb` gets everything below critical
        "linger.ms": 5,
        "compression.type": "lz4",
        "queue.buffering.max.messages": 100_000,
        "queue.buffering.max.kbytes": 64 * 1024,
        "message.max.bytes": max_event_bytes + _RECORD_ROOM,
    }
    return {**defaults, **options, **_REQUIRED}


class KafkaTransport:
    """The `Transport` to a Kafka topic.

    Args:
        options: as `producer_options` returns them.
        topic: name of the topic.

    Raises:
        SettingsError: librdkafka refuses an option.
    """

    def __init__(self, options: Mapping[str, str | bool | int], topic: str) -> None:
        self._topic = topic
        self._logged: set[str] = set()
        self._delivered_when_logged = 0
        self._sent = 0
        self._failed = 0
        self._counting = threading.RLock()
        self._serving: set[int] = set()
        try:
            self._producer = Producer({**options, "error_cb": self._log_error}, logger=log)
        except KafkaException as error:
            raise SettingsError(
                f"librdkafka refuses the KAFKA_ settings: {error.args[0].str()}"
            ) from error
        _transports.add(self)

    def failure_callback(self, report: Callable[[Failure], None]) -> OnFailure:
        """See `Transport.failure_callback`."""
        return partial(self._record_failure, report)

    def send(self, key: str | bytes, value: bytes, on_failure: OnFailure) -> None:
        """See `Transport.send`."""
        self._sent += 1
        try:
            self._producer.produce(self._topic, value, key, on_delivery=on_failure)
        except BufferError:
            self._sent -= 1
            raise QueueFull from None
        except KafkaException as error:
            on_failure(error.args[0], None)

    def poll(self) -> None:
        """See `Transport.poll`."""
        self._serve(self._producer.poll)

    def flush(self, seconds: float) -> int:
        """See `Transport.flush`."""
        if not greenlets.in_use():
            self._serve(self._producer.flush, seconds)
            return len(self._producer)
        deadline = time.monotonic() + seconds
        pause = _SHORTEST_PAUSE_SECONDS
        while True:
            self._serve(self._producer.flush)
            left = len(self._producer)
            remaining = deadline - time.monotonic()
            if not left or remaining <= 0:
                return left
            time.sleep(min(pause, remaining))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def delivered(self) -> int:
        """See `Transport.delivered`."""
        return self._sent - self._failed - len(self._producer)

    def cluster_id(self) -> str | None:
        """See `Transport.cluster_id`."""
        with suppress(KafkaException):  # unknown before the first connection
            return str(self._producer.cluster_id(0))
        return None

    def close(self) -> None:
        """See `Transport.close`."""
        self._producer.purge()
        self._serve(self._producer.flush)

    def _serve(self, call: Callable[[float], int], seconds: float = 0.0) -> None:
        """Run callbacks, unless a signal handler interrupted one of them in this thread.

        confluent-kafka aborts the process if a callback runs within a callback.
        """
        thread = threading.get_native_id()
        if thread in self._serving:
            return
        self._serving.add(thread)
        try:
            call(seconds)
        finally:
            self._serving.discard(thread)

    def _record_failure(
        self, report: Callable[[Failure], None], error: KafkaError, _: Message | None
    ) -> None:
        with self._counting:
            self._failed += 1
        report(_failure(error))

    def _log_error(self, error: KafkaError) -> None:
        """Log each error once per outage, which a delivery ends."""
        delivered = self.delivered()
        if delivered > self._delivered_when_logged:
            self._logged.clear()
        self._delivered_when_logged = delivered
        if error.name() not in self._logged:
            self._logged.add(error.name())
            log.warning("Error from librdkafka", extra={"kafka_error": error.str()})


def _failure(error: KafkaError) -> Failure:
    code = error.code()
    return Failure(
        error.name().lower().lstrip("_"),
        code in _OF_THE_EVENT,
        error.fatal() or code == KafkaError._FATAL,
    )
