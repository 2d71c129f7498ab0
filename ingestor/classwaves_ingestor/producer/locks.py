"""Locks that are not waited for without end: a signal's handler may run while its own thread holds them."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock


@contextmanager
def held_within(lock: Lock, seconds: float) -> Iterator[bool]:
    """Hold a lock, or go on without it after so many seconds; whether it is held."""
    held = lock.acquire(timeout=max(0.0, seconds))
    try:
        yield held
    finally:
        if held:
            lock.release()
