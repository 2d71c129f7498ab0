"""The statements that were executed, whatever became of their replies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import Literal, Self


@dataclass(frozen=True)
class Entry:
    """One execution; `error` is its text if it failed."""

    session: str
    statement: str
    state: Literal["running", "finished", "failed"] = "running"
    error: str | None = None

    @classmethod
    def from_json(cls, fields: dict[str, str]) -> Self:
        """The entry that `Journal.as_json` wrote."""
        return cls(**fields)  # type: ignore[arg-type]


class Journal:
    """All executions since the start, or since it was cleared, in the order in which they began."""

    def __init__(self) -> None:
        self._entries: dict[int, Entry] = {}
        self._begun = 0
        self._lock = Lock()

    @contextmanager
    def execution(self, session: str, statement: str) -> Iterator[None]:
        """Record what happens within."""
        with self._lock:
            number = self._begun = self._begun + 1
            self._entries[number] = entry = Entry(session, statement)
        try:
            yield
        except Exception as error:
            self._end(number, replace(entry, state="failed", error=str(error)))
            raise
        self._end(number, replace(entry, state="finished"))

    def as_json(self) -> list[dict[str, str]]:
        """The entries as fields."""
        with self._lock:
            return [asdict(entry) for entry in self._entries.values()]

    def clear(self) -> None:
        """Forget what was executed."""
        with self._lock:
            self._entries.clear()

    def _end(self, number: int, entry: Entry) -> None:
        with self._lock:
            if number in self._entries:
                self._entries[number] = entry
