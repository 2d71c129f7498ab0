"""What a publisher asks of Kafka."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol


class Failure(NamedTuple):
    """Why the broker did not take an event.

    Args:
        reason: Kafka's name of the error in lower case.
        of_this_event: it lies in the event itself; others would be taken.
        fatal: the transport takes nothing any more; connect anew.
    """

    reason: str
    of_this_event: bool = False
    fatal: bool = False


Refusal = Callable[[Any, Any], None]
"""What a transport calls when the broker does not take an event, in the transport's own terms."""


class Transport(Protocol):
    """A way into the topic: in order, idempotent, acknowledged by all replicas, and for ever patient."""

    def refusal(self, tell: Callable[[Failure], None]) -> Refusal:
        """What to give to `send`, for one event or for many, so that `tell` is called with why one was refused."""
        ...

    def send(self, key: str | bytes, value: bytes, refusal: Refusal) -> None:
        """Take an event in and return at once.

        Args:
            key: the session; events of one key keep their order.
            value: the message.
            refusal: called, inside `send`, `poll` or `flush`, if the event will not be in the topic. Nothing is said of
                one that will: a call for each would cost more than to send it.

        Raises:
            QueueFull: no more room in memory; nothing was taken.
        """
        ...

    def poll(self) -> None:
        """Tell what was refused; never waits."""
        ...

    def flush(self, seconds: float) -> int:
        """Wait until all that was sent is settled, but not longer than so. Returns how many events are not.

        After 0 all replicas have every event that was not refused.
        """
        ...

    def delivered(self) -> int:
        """How many events all replicas have, since the beginning."""
        ...

    def close(self) -> None:
        """Forget what is not settled yet; it may still arrive."""
        ...


Connect = Callable[[], Transport]
