"""How long a call goes on trying, and who waits for a warehouse that is starting."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from classwaves_runtime.errors import InjectedFault
from classwaves_warehouse.errors import WarehouseUnavailable, WarehouseWarming

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """Random pauses between attempts, the longest of which doubles each time.

    Args:
        sleep: waits this many seconds.
        attempts: of one call; the error of the last one is the caller's.
        first: seconds of the first pause at most.
        longest: no pause is longer, in seconds.
        seconds: after so many no further attempt is made: one alone may have waited a minute for a lost reply.
        monotonic: the seconds of a clock that never goes back.
    """

    sleep: Callable[[float], None]
    attempts: int = 8
    first: float = 0.2
    longest: float = 5.0
    seconds: float = 60.0
    monotonic: Callable[[], float] = time.monotonic

    def settle(self, step: Callable[[int], T]) -> T:
        """Call a step with the number of its attempt until it ends well.

        Raises:
            WarehouseWarming: at once; such a wait is long, and the caller's, who can stop in between.
            WarehouseUnavailable: the last attempt's.
        """
        return self._try(
            step, lambda error: _transient(error) and not isinstance(error, WarehouseWarming)
        )

    def wait(self, step: Callable[[int], T]) -> T:
        """The same for people and jobs: a warehouse that is starting is waited for as long as it may take.

        Raises:
            WarehouseUnavailable: the last attempt's.
        """
        return self._try(step, _transient)

    def _try(self, step: Callable[[int], T], retry: Callable[[BaseException], bool]) -> T:
        until = self.monotonic() + self.seconds
        for attempt in Retrying(
            retry=retry_if_exception(retry),
            wait=wait_random_exponential(multiplier=self.first, max=self.longest),
            stop=lambda state: self._is_spent(state, until),
            sleep=self.sleep,
            reraise=True,
        ):
            with attempt:
                return step(attempt.retry_state.attempt_number)
        raise AssertionError("tenacity returns or raises")

    def _is_spent(self, state: RetryCallState, until: float) -> bool:
        failure = state.outcome.exception() if state.outcome else None
        if isinstance(failure, WarehouseWarming):
            return False
        return state.attempt_number >= self.attempts or self.monotonic() >= until


def _transient(error: BaseException) -> bool:
    return isinstance(error, (WarehouseUnavailable, InjectedFault))
