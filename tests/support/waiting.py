"""Waits for a condition, with a deadline that only a hang exceeds."""

import time
from collections.abc import Callable

TIMEOUT_SECONDS = 90.0
"""Seconds. No result depends on it: it only ends a hang, also on a loaded machine."""


def wait_until(true: Callable[[], object], what: str, seconds: float = TIMEOUT_SECONDS) -> None:
    """Return once `true()` is true. Raises AssertionError with `what` after the deadline."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.1)
