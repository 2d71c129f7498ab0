"""One message that a producer is to send, and what must become of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from classwaves_schemas.verdict import Reason
from demo.spoil import SPOILERS


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way.

    Args:
        due: seconds after the day's begin at which it is sent.
        pod: the process that sends it.
        message: what it says; a spoilt one carries the identity of the message that it was made from.
        reason: for which it is spoilt, so that the contract must refuse it; None if the table must hold it once.
    """

    due: float
    pod: str
    message: Mapping[str, Any]
    reason: Reason | None = None

    @property
    def session_id(self) -> str:
        """Whose session's it is."""
        return str(self.message["session_id"])

    @property
    def event_id(self) -> str:
        """Its id."""
        return str(self.message["id"])

    @property
    def key(self) -> bytes:
        """What the producer partitions by."""
        return self.session_id.encode()

    @property
    def value(self) -> bytes | None:
        """Its bytes; None for a tombstone."""
        if self.reason is not None:
            return SPOILERS[self.reason](self.message)
        return json.dumps(self.message, ensure_ascii=False, separators=(",", ":")).encode()
