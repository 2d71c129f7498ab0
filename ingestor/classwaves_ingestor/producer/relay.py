"""The thread beside an event loop that emits for it."""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

_TOLD_AT_ONCE = 32

_Call = Callable[[], str]
_Future = asyncio.Future[str]


class Relay:
    """Runs calls in their order on one thread, which goes to the loop once for many of them.

    A trip for each would hold the loop up: it and the thread would take the interpreter from each other every time.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, "event-publisher")
        self._waiting: deque[tuple[_Call, _Future]] = deque()
        self._resting = threading.Lock()
        self._at_work = False

    def run(self, call: _Call) -> _Future:
        """What becomes of a call, for the running loop to await."""
        future = asyncio.get_running_loop().create_future()
        with self._resting:
            self._waiting.append((call, future))
            if not self._at_work:
                self._executor.submit(self._work)
                self._at_work = True
        return future

    def close(self) -> None:
        """Let the thread end once nothing waits."""
        self._executor.shutdown(wait=False)

    def _work(self) -> None:
        while calls := self._next():
            settled: defaultdict[asyncio.AbstractEventLoop, list[Callable[[], None]]] = defaultdict(
                list
            )
            for call, future in calls:
                settled[future.get_loop()].append(_settling(call, future))
            for loop, settling in settled.items():
                with suppress(RuntimeError):  # closed: nobody awaits
                    loop.call_soon_threadsafe(_run_all, settling)

    def _next(self) -> list[tuple[_Call, _Future]]:
        with self._resting:
            calls = [self._waiting.popleft() for _ in range(min(len(self._waiting), _TOLD_AT_ONCE))]
            self._at_work = bool(calls)
            return calls


def _settling(call: _Call, future: _Future) -> Callable[[], None]:
    try:
        return partial(_settle, future.set_result, call(), future)
    except BaseException as error:
        return partial(_settle, future.set_exception, error, future)


def _settle(set_: Callable[..., None], outcome: object, future: _Future) -> None:
    if not future.cancelled():
        set_(outcome)


def _run_all(steps: list[Callable[[], None]]) -> None:
    for step in steps:
        step()
