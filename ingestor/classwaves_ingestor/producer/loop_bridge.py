"""The worker thread that emits for an event loop."""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

_BATCH = 32

_Call = Callable[[], str]
_Future = asyncio.Future[str]


async def in_thread(call: Callable[[], int]) -> int:
    """Run a call in a thread; at the end of the interpreter, which starts no thread, at once."""
    try:
        result = asyncio.get_running_loop().run_in_executor(None, call)
    except RuntimeError:
        return call()
    return await result


class LoopBridge:
    """Runs calls in order on one thread, and returns their results to the loop in batches.

    One callback per result would slow the loop: loop and thread would compete for the interpreter
    lock each time.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "event-publisher")
        self._waiting: deque[tuple[_Call, _Future]] = deque()
        self._lock = threading.Lock()
        self._running = False

    def run(self, call: _Call) -> _Future:
        """Submit a call; the running loop can await the result."""
        future = asyncio.get_running_loop().create_future()
        with self._lock:
            self._waiting.append((call, future))
            if self._running:
                return future
            self._running = True
        try:
            self._executor.submit(self._work)
        except RuntimeError:  # the interpreter ends, and starts no thread any more
            self._work()
        return future

    def close(self) -> None:
        """End the thread once no call waits."""
        self._executor.shutdown(wait=False)

    def _work(self) -> None:
        while calls := self._next():
            completed: defaultdict[asyncio.AbstractEventLoop, list[Callable[[], None]]] = (
                defaultdict(list)
            )
            for call, future in calls:
                completed[future.get_loop()].append(_complete(call, future))
            for loop, callbacks in completed.items():
                with suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(_run_all, callbacks)

    def _next(self) -> list[tuple[_Call, _Future]]:
        with self._lock:
            calls = [self._waiting.popleft() for _ in range(min(len(self._waiting), _BATCH))]
            self._running = bool(calls)
            return calls


def _complete(call: _Call, future: _Future) -> Callable[[], None]:
    try:
        return partial(_set_result, future.set_result, call(), future)
    except BaseException as error:
        return partial(_set_result, future.set_exception, error, future)


def _set_result(set_: Callable[..., None], outcome: object, future: _Future) -> None:
    if not future.cancelled():
        set_(outcome)


def _run_all(steps: list[Callable[[], None]]) -> None:
    for step in steps:
        step()
