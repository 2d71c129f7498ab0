"""Objects that a forked child inherits and must never finalize."""

import ctypes
import os
from typing import Generic, TypeVar
from weakref import ref

Inherited = TypeVar("Inherited")


class KeptInChildren(Generic[Inherited]):
    """Living objects whose destructors a child must not run: they would wait for missing threads.

    The references are taken before the fork, because a garbage collection may run in the child
    before any hook of ours. All operations are atomic, for threads that fork and add at once.
    """

    def __init__(self) -> None:
        self._living: set[ref[Inherited]] = set()
        self._kept: list[Inherited] = []
        os.register_at_fork(
            before=self._keep, after_in_parent=self._release, after_in_child=self._keep_for_ever
        )

    def add(self, item: Inherited) -> None:
        """Keep this object in later children."""
        self._living.add(ref(item, self._living.discard))

    def living(self) -> list[Inherited]:
        """The objects that still exist."""
        return [item for each in self._living.copy() if (item := each()) is not None]

    def _keep(self) -> None:
        self._kept = self.living()

    def _release(self) -> None:
        self._kept = []

    def _keep_for_ever(self) -> None:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._kept))
