"""The way into a real Kafka topic, on librdkafka."""

import ctypes
import logging
import os
import threading
from collections.abc import Callable, Mapping
from functools import partial
from weakref import WeakSet

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from classwaves_ingestor.producer.errors import QueueFull
from classwaves_ingestor.producer.transport import Failure, Refusal
from classwaves_runtime.errors import SettingsError

log = logging.getLogger(__name__)

_OF_THE_EVENT = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD}
_RECORD_ROOM = 4096  # bytes for a record's key and framing

_GUARANTEED: Mapping[str, str | bool | int] = {
    "enable.idempotence": True,
    "acks": "all",
    # As Java's and Node's clients have it: a session is in one partition, whoever emits.
    "partitioner": "murmur2_random",
    # For ever: an event leaves the queue delivered or refused, never because time went by.
    "delivery.timeout.ms": 0,
    # A report for each event would take the interpreter's lock from an emitting thread once per event.
    "delivery.report.only.error": True,
}
"""What the guarantees rest on; the environment cannot change it."""

_transports: "WeakSet[KafkaTransport]" = WeakSet()


def producer_options(
    options: Mapping[str, str], max_event_bytes: int
) -> dict[str, str | bool | int]:
    """The configuration of a producer, in librdkafka's names.

    Args:
        options: from the environment (KAFKA_X_Y as x.y); they win over our defaults.
        max_event_bytes: of the largest message.

    Raises:
        SettingsError: an option would break a guarantee.
    """
    for name in options.keys() & {*_GUARANTEED, "message.timeout.ms", "request.required.acks"}:
        variable = "KAFKA_" + name.upper().replace(".", "_")
        raise SettingsError(
            f"{variable} cannot be set: the publisher's guarantees rest on its own value. Remove it."
        )
    defaults: dict[str, str | bool | int] = {
        "client.id": "classwaves-publisher",
        "log_level": 2,  # what is less than critical comes by `error_cb`
        "linger.ms": 5,
        "compression.type": "lz4",
        "queue.buffering.max.messages": 100_000,
        "queue.buffering.max.kbytes": 64 * 1024,
        "message.max.bytes": max_event_bytes + _RECORD_ROOM,
    }
    return {**defaults, **options, **_GUARANTEED}


class KafkaTransport:
    """See `Transport`.

    Args:
        options: as `producer_options` makes them.
        topic: to write to.

    Raises:
        SettingsError: librdkafka does not accept an option.
    """

    def __init__(self, options: Mapping[str, str | bool | int], topic: str) -> None:
        self._topic = topic
        self._told: set[str] = set()
        self._delivered_when_told = 0
        self._sent = 0
        self._refused = 0
        self._refusing = threading.Lock()
        try:
            self._producer = Producer({**options, "error_cb": self._tell}, logger=log)
        except KafkaException as error:
            raise SettingsError(
                f"librdkafka refuses the KAFKA_ settings: {error.args[0].str()}"
            ) from error
        _transports.add(self)

    def refusal(self, tell: Callable[[Failure], None]) -> Refusal:
        """See `Transport.refusal`."""
        return partial(self._refuse, tell)

    def send(self, key: str | bytes, value: bytes, refusal: Refusal) -> None:
        """See `Transport.send`."""
        self._sent += 1
        try:
            self._producer.produce(self._topic, value, key, on_delivery=refusal)
        except BufferError:
            self._sent -= 1
            raise QueueFull from None
        except KafkaException as error:
            refusal(error.args[0], None)

    def poll(self) -> None:
        """See `Transport.poll`."""
        self._producer.poll(0)

    def flush(self, seconds: float) -> int:
        """See `Transport.flush`."""
        return self._producer.flush(seconds)

    def delivered(self) -> int:
        """See `Transport.delivered`."""
        return self._sent - self._refused - len(self._producer)

    def close(self) -> None:
        """See `Transport.close`."""
        self._producer.purge()
        self._producer.flush(0)

    def _refuse(
        self, tell: Callable[[Failure], None], error: KafkaError, _: Message | None
    ) -> None:
        with self._refusing:
            self._refused += 1
        tell(_failure(error))

    def _tell(self, error: KafkaError) -> None:
        """Once an outage: librdkafka itself would tell of every attempt, for days. What is delivered ends one."""
        delivered = self.delivered()
        if delivered > self._delivered_when_told:
            self._told.clear()
        self._delivered_when_told = delivered
        if error.name() not in self._told:
            self._told.add(error.name())
            log.warning("librdkafka reports an error", extra={"kafka_error": error.str()})


def _failure(error: KafkaError) -> Failure:
    code = error.code()
    return Failure(
        error.name().lower().lstrip("_"),
        code in _OF_THE_EVENT,
        error.fatal() or code == KafkaError._FATAL,
    )


def _keep_inherited() -> None:
    """In a forked child: what is the parent's must not be collected, for to end it is to wait for threads not here."""
    for each in list(_transports):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))


os.register_at_fork(after_in_child=_keep_inherited)
