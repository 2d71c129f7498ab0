"""The log of statement executions, kept whether or not their replies arrived."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import Literal


@dataclass(frozen=True)
class Execution:
    """One execution of a statement.

    Args:
        session: id of the session.
        statement: its text.
        state: running until the statement ends.
        error: message of a failed execution.
    """

    session: str
    statement: str
    state: Literal["running", "finished", "failed"] = "running"
    error: str | None = None


class ExecutionLog:
    """Executions since the start or the last `clear`, in the order in which they began."""

    def __init__(self) -> None:
        self._executions: dict[int, Execution] = {}
        self._last_number = 0
        self._lock = Lock()

    @contextmanager
    def record(self, session: str, statement: str) -> Iterator[None]:
        """Log the execution of the `with` block, and how it ends."""
        with self._lock:
            number = self._last_number = self._last_number + 1
            self._executions[number] = execution = Execution(session, statement)
        try:
            yield
        except Exception as error:
            self._update(number, replace(execution, state="failed", error=str(error)))
            raise
        self._update(number, replace(execution, state="finished"))

    def as_json(self) -> list[dict[str, str]]:
        """The fields of every execution."""
        with self._lock:
            return [asdict(execution) for execution in self._executions.values()]

    def clear(self) -> None:
        """Remove every execution."""
        with self._lock:
            self._executions.clear()

    def _update(self, number: int, execution: Execution) -> None:
        with self._lock:
            if number in self._executions:
                self._executions[number] = execution
