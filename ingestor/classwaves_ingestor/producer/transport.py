"""The interface between a publisher and Kafka."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol


class Failure(NamedTuple):
    """Why an event was not acknowledged: an error of the broker or of librdkafka.

    Args:
        reason: Kafka's error name in lower case.
        of_this_event: the event itself is the cause; others would be accepted.
        fatal: the transport accepts nothing any more; reconnect.
    """

    reason: str
    of_this_event: bool = False
    fatal: bool = False


OnFailure = Callable[[Any, Any], None]
"""The callback of a transport for an event that failed, with the transport's own arguments."""


class Transport(Protocol):
    """A producer of the topic: ordered, idempotent, no timeout, acks of all in-sync replicas.

    An acknowledged event survives the loss of a broker if the topic has three replicas and its
    `min.insync.replicas` is 2.
    """

    def failure_callback(self, report: Callable[[Failure], None]) -> OnFailure:
        """Build the `on_failure` of `send`, for one event or many, from a function."""
        ...

    def send(self, key: str | bytes, value: bytes, on_failure: OnFailure) -> None:
        """Queue an event without waiting.

        Args:
            key: session id; events of one key keep their order.
            value: message.
            on_failure: called inside `send`, `poll` or `flush` if the event fails.
                There is no callback for success, which would cost more than sending.

        Raises:
            QueueFull: the queue is full; the event was not accepted.
        """
        ...

    def poll(self) -> None:
        """Run failure callbacks without waiting."""
        ...

    def flush(self, seconds: float) -> int:
        """Wait for acknowledgements, at most this long; return the number of pending events.

        0 means that all in-sync replicas have every event that did not fail.
        """
        ...

    def delivered(self) -> int:
        """The number of events that all in-sync replicas have, since the connection."""
        ...

    def cluster_id(self) -> str | None:
        """The id of the connected cluster, without waiting; None until it is known."""
        ...

    def close(self) -> None:
        """Discard pending events, which may still arrive."""
        ...


Connect = Callable[[], Transport]
