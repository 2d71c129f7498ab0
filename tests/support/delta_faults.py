"""Faults of an object store: a commit fails, or it lands and its answer is lost."""

from collections.abc import Callable
from typing import Any

from deltalake import DeltaTable

from classwaves_runtime.retry import RetryPolicy

QUICK = RetryPolicy(attempts=20, first=0.001, longest=0.01)
ONCE = RetryPolicy(attempts=1)


class FaultyWrite:
    """Passes calls to a write function, and raises at the moments that are due, one a call.

    Args:
        write: takes a handle first.
    """

    def __init__(self, write: Callable[..., None]) -> None:
        self._write = write
        self.due: list[str] = []

    def __call__(self, handle: DeltaTable, *rest: Any) -> None:
        moment = self.due.pop(0) if self.due else None
        if moment == "before":
            raise OSError("the store did not answer")
        if moment == "after":
            # The table moves and the handle does not, as when an answer is lost.
            self._write(DeltaTable(handle.table_uri, version=handle.version()), *rest)
            raise OSError("the store lost its answer")
        self._write(handle, *rest)
