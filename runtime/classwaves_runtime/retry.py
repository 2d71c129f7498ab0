"""The one retry policy: exponential pauses with full jitter."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception

T = TypeVar("T")

ErrorTypes = type[Exception] | tuple[type[Exception], ...]


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Calls a step again while it fails, with random pauses in between.

    Before retry n the policy pauses between 0 and `min(longest, first * 2 ** (n - 1))` seconds.

    Args:
        attempts: calls before the policy gives up; None for no limit.
        first: upper limit of the first pause, in seconds.
        longest: upper limit of every pause, in seconds.
        seconds: no attempt starts later than this after the first one; None for no limit.
        sleep: waits for a number of seconds; `Event.wait` makes the pause interruptible.
        uniform: draws a number between two limits.
        monotonic: returns the seconds of a clock that never goes back.
        abandoned: whether to give up at the next failure, whatever the limits.
    """

    attempts: int | None = 10
    first: float = 0.02
    longest: float = 2.0
    seconds: float | None = None
    sleep: Callable[[float], object] = time.sleep
    uniform: Callable[[float, float], float] = random.uniform
    monotonic: Callable[[], float] = time.monotonic
    abandoned: Callable[[], bool] = _never

    def run(
        self,
        step: Callable[[int], T],
        *,
        retry_on: ErrorTypes | Callable[[BaseException], bool] = Exception,
        unlimited: ErrorTypes = (),
        before_sleep: Callable[[int, BaseException], None] | None = None,
    ) -> T:
        """Call a step with the number of its attempt (1, 2, …) until it succeeds.

        Args:
            step: may be called again after an error.
            retry_on: the errors to retry, as types or as a predicate. Others are raised at once.
            unlimited: errors after which `attempts` and `seconds` do not count.
            before_sleep: called before each pause with the number of the attempt and its error.

        Raises:
            Exception: the error of the last attempt.
        """

        def is_exhausted(state: RetryCallState) -> bool:
            if self.abandoned():
                return True
            if isinstance(_error(state), unlimited):
                return False
            spent = self.attempts is not None and state.attempt_number >= self.attempts
            return spent or (deadline is not None and self.monotonic() >= deadline)

        def report(state: RetryCallState) -> None:
            if before_sleep is not None:
                before_sleep(state.attempt_number, _error(state))

        def pause(seconds: float) -> None:
            self.sleep(seconds)

        deadline = None if self.seconds is None else self.monotonic() + self.seconds
        retrying = Retrying(
            retry=retry_if_exception(_predicate(retry_on)),
            wait=self._seconds_before_next,
            stop=is_exhausted,
            sleep=pause,
            before_sleep=report,
            reraise=True,
        )
        for attempt in retrying:
            with attempt:
                return step(attempt.retry_state.attempt_number)
        raise AssertionError("tenacity returns or raises")

    def _seconds_before_next(self, state: RetryCallState) -> float:
        # 2 ** 1024 is too large for a float, and 2 ** 40 is longer than any pause.
        doubled = self.first * 2.0 ** min(state.attempt_number - 1, 40)
        return self.uniform(0, min(self.longest, doubled))


def _predicate(
    retry_on: ErrorTypes | Callable[[BaseException], bool],
) -> Callable[[BaseException], bool]:
    if isinstance(retry_on, (type, tuple)):
        return lambda error: isinstance(error, retry_on)
    return retry_on


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    if error is None:
        raise AssertionError("tenacity stops and pauses only after an error")
    return error
