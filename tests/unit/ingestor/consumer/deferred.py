"""A ledger thread that runs on demand: a commit stays in flight until the test runs it."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any


class Deferred(Executor):
    """Runs submitted calls one by one, on the caller's thread.

    Args:
        eager: run submitted calls at once.
    """

    def __init__(self, *, eager: bool = False) -> None:
        self.eager = eager
        self._waiting: deque[tuple[Future[Any], Callable[[], Any]]] = deque()

    def submit(self, function, /, *arguments, **named) -> Future[Any]:
        future: Future[Any] = Future()
        self._waiting.append((future, partial(function, *arguments, **named)))
        if self.eager:
            self.run_all()
        return future

    def run_next(self) -> bool:
        """Whether there was anything to run."""
        if not self._waiting:
            return False
        future, call = self._waiting.popleft()
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(call())
            except Exception as error:
                future.set_exception(error)
        return True

    def run_all(self) -> None:
        while self.run_next():
            pass

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if not cancel_futures:
            self.run_all()
        self._waiting.clear()


class Impatient(threading.Event):
    """An event without a wait: retries follow at once."""

    def wait(self, timeout: float | None = None) -> bool:
        return self.is_set()
