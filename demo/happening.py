"""One thing that happened in a classroom."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Happening:
    """An event as its component would tell it.

    Args:
        at: when it happened.
        pod: the process that tells it.
        message: the whole message as a JSON object; nobody changes it.
    """

    at: datetime
    pod: str
    message: dict[str, Any]

    def moved(self, at: datetime) -> Self:
        """The same at another time."""
        payload = self.message["payload"]
        if "timestamp" in payload:
            payload = {**payload, "timestamp": wire_time(at)}
        return replace(
            self, at=at, message={**self.message, "event_time": wire_time(at), "payload": payload}
        )


def wire_time(at: datetime) -> str:
    """A time as JavaScript's toISOString writes it: UTC, three digits, Z."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
