"""What a publisher asks of Kafka."""

from collections.abc import Callable
from typing import NamedTuple, Protocol


class Failure(NamedTuple):
    """Why the broker did not take an event.

    Arguments:
        reason: Kafka's name of the error in lower case.
        of_this_event: it lies in the event itself; others would be taken.
        fatal: the transport takes nothing any more; connect anew.
    """

    reason: str
    of_this_event: bool = False
    fatal: bool = False


Settled = Callable[[Failure | None], None]


class Transport(Protocol):
    """A way into the topic: in order, idempotent, acknowledged by all replicas, and for ever patient."""

    def send(self, key: str | bytes, value: bytes, settled: Settled) -> None:
        """Take an event in and return at once.

        Arguments:
            key: the session; events of one key keep their order.
            value: the message.
            settled: called once, inside `poll` or `flush`, with None when all replicas have the event.

        Raises:
            QueueFull: no more room in memory; nothing was taken.
        """
        ...

    def poll(self) -> None:
        """Tell what has been settled; never waits."""
        ...

    def flush(self, seconds: float) -> int:
        """Wait until all that was sent is settled, but not longer than so. Returns how many events are not."""
        ...

    def close(self) -> None:
        """Forget what is not settled yet; it may still arrive."""
        ...


Connect = Callable[[], Transport]
