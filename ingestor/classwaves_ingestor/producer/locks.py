"""Lock acquisition with a timeout, because a signal handler may interrupt the holder."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


@contextmanager
def held_within(lock: Lock, seconds: float) -> Iterator[bool]:
    """Hold a lock, or continue without it after the timeout; yields whether it is held."""
    held = lock.acquire(timeout=max(0.0, seconds))
    try:
        yield held
    finally:
        if held:
            lock.release()
