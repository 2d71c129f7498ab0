"""The stacks of all threads, when somebody asks (SIGQUIT) and when the main loop is stuck."""

import faulthandler
import logging
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from classwaves_runtime.health import STALL_SECONDS, Health

log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


def stacks() -> str:
    """What every thread is doing now."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"Thread {names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    )


def on_sigquit() -> None:
    """Write all stacks to stderr at SIGQUIT, even while the main thread is stuck in native code."""
    faulthandler.register(signal.SIGQUIT, all_threads=True)


@contextmanager
def stall_watch(health: Health, look_seconds: float = _LOOK_SECONDS) -> Iterator[None]:
    """Log all stacks once for each time that the main loop is stuck, while the block runs."""
    over = threading.Event()

    def watch() -> None:
        told = False
        while not over.wait(look_seconds):
            stuck = health.still_seconds() >= STALL_SECONDS
            if stuck and not told:
                log.error("the main loop is stuck", extra={"stacks": stacks()})
            told = stuck

    watcher = threading.Thread(target=watch, name="stall-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
