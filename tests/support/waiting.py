"""Waiting for something to become true, with a deadline that only a hang reaches."""

import time
from collections.abc import Callable

PATIENCE = 90.0
"""Seconds. No verdict depends on it: a loaded machine may take long, a hang takes for ever."""


def wait_until(true: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Return once `true()` is true. Raises AssertionError that says `what` did not happen."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
