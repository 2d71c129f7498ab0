"""Waits that neither a signal handler nor the end of the interpreter turns into a hang.

At the end of the interpreter no daemon thread runs any more, so none releases a lock.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Protocol


class Acquirable(Protocol):
    """A `threading.Lock` or `threading.RLock`."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """See `threading.Lock.acquire`."""
        ...

    def release(self) -> None:
        """See `threading.Lock.release`."""
        ...


@contextmanager
def held_within(lock: Acquirable, seconds: float) -> Iterator[bool]:
    """Hold a lock, or continue without it after the timeout; yields whether it is held."""
    held = lock.acquire(timeout=_limited(seconds))
    try:
        yield held
    finally:
        if held:
            lock.release()


class Wakeup:
    """Ends the wait of one other thread.

    `wake` takes no lock, unlike `threading.Event.set`: a signal handler may interrupt it and call
    it again.
    """

    def __init__(self) -> None:
        self._asleep = threading.Lock()
        self._asleep.acquire()

    def wake(self) -> None:
        """End the wait, or the next one if nobody waits."""
        if self._asleep.locked():
            with suppress(RuntimeError):  # another thread was faster
                self._asleep.release()

    def wait(self, seconds: float) -> bool:
        """Wait for `wake`, at most this long; return whether it was called."""
        return self._asleep.acquire(timeout=_limited(seconds))


def _limited(seconds: float) -> float:
    return 0.0 if sys.is_finalizing() else max(0.0, seconds)
