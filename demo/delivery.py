"""One message that a producer is to send, and what must become of it."""

from dataclasses import dataclass

from classwaves_schemas.verdict import Reason


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way.

    Arguments:
        due: seconds after the day's begin at which it is sent.
        pod: the process that sends it.
        session_id, event_id: whose identity it carries; a spoilt message carries that of the message it was made from.
        value: its bytes; None for a tombstone.
        reason: why the contract must refuse it; None if the table must hold the event once.
    """

    due: float
    pod: str
    session_id: str
    event_id: str
    value: bytes | None
    reason: Reason | None = None

    @property
    def key(self) -> bytes:
        """What the producer partitions by."""
        return self.session_id.encode()
