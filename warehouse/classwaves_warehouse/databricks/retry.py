"""How long a call to a SQL warehouse is retried, and whether it waits for a cold start."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from classwaves_runtime.errors import InjectedFault
from classwaves_warehouse.errors import WarehouseUnavailable, WarehouseWarming

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Retries with random pauses, whose upper limit doubles each time.

    The defaults pause for about 15 s in total. Callers that can stop in between wait longer.

    Args:
        sleep: waits for a number of seconds.
        attempts: of one call; its last error is raised.
        first: upper limit of the first pause in seconds.
        longest: upper limit of every pause in seconds.
        seconds: no attempt starts later than this; a lost reply alone may take a minute.
        monotonic: returns seconds of a clock that never goes back.
    """

    sleep: Callable[[float], None] = time.sleep
    attempts: int = 8
    first: float = 0.2
    longest: float = 5.0
    seconds: float = 60.0
    monotonic: Callable[[], float] = time.monotonic

    def run(self, step: Callable[[int], T]) -> T:
        """Call a step with the number of its attempt until it succeeds.

        Raises:
            WarehouseWarming: at once. A cold start takes minutes, so the caller waits for it and
                can stop in between.
            WarehouseUnavailable: of the last attempt.
        """
        return self._run(
            step, lambda error: _is_transient(error) and not isinstance(error, WarehouseWarming)
        )

    def run_after_cold_start(self, step: Callable[[int], T]) -> T:
        """Call a step until it succeeds; a starting warehouse is waited for without a limit.

        Raises:
            WarehouseUnavailable: of the last attempt, or the start took too long.
        """
        return self._run(step, _is_transient)

    def _run(self, step: Callable[[int], T], should_retry: Callable[[BaseException], bool]) -> T:
        deadline = self.monotonic() + self.seconds
        for attempt in Retrying(
            retry=retry_if_exception(should_retry),
            wait=wait_random_exponential(multiplier=self.first, max=self.longest),
            stop=lambda state: self._is_exhausted(state, deadline),
            sleep=self.sleep,
            reraise=True,
        ):
            with attempt:
                return step(attempt.retry_state.attempt_number)
        raise AssertionError("tenacity returns or raises")

    def _is_exhausted(self, state: RetryCallState, deadline: float) -> bool:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, WarehouseWarming):
            return False
        return state.attempt_number >= self.attempts or self.monotonic() >= deadline


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, (WarehouseUnavailable, InjectedFault))
