import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_runtime.retry import RetryPolicy


class Step:
    """Raises the given errors first, and records its attempts."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.attempts = []

    def __call__(self, attempt):
        self.attempts.append(attempt)
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def upper_limits(pauses):
    """A policy of four attempts that always draws the longest pause."""
    return RetryPolicy(4, 0.5, 1.5, sleep=pauses.append, uniform=lambda _low, high: high)


def test_a_step_that_succeeds_is_called_once(upper_limits, pauses):
    step = Step()
    assert upper_limits.run(step) == "done"
    assert (step.attempts, pauses) == ([1], [])


def test_the_upper_limit_of_the_pause_doubles_up_to_the_longest(upper_limits, pauses):
    step = Step(OSError(), OSError(), OSError())
    assert upper_limits.run(step) == "done"
    assert step.attempts == [1, 2, 3, 4]
    assert pauses == [0.5, 1, 1.5]


def test_the_error_of_the_last_attempt_is_raised_without_another_pause(upper_limits, pauses):
    with pytest.raises(OSError, match="4"):
        upper_limits.run(Step(*(OSError(str(number)) for number in range(1, 6))))
    assert len(pauses) == 3


@given(st.integers(1, 60))
def test_a_pause_is_between_zero_and_its_upper_limit(failures):
    pauses = []
    policy = RetryPolicy(None, first=0.5, longest=3, sleep=pauses.append)
    policy.run(Step(*(OSError() for _ in range(failures))))
    limits = [min(3, 0.5 * 2**number) for number in range(failures)]
    assert all(0 <= pause <= limit for pause, limit in zip(pauses, limits, strict=True))


@pytest.mark.parametrize(
    "retry_on", [OSError, (OSError, TypeError), lambda error: isinstance(error, OSError)]
)
def test_other_errors_are_raised_at_once(upper_limits, retry_on):
    step = Step(OSError(), ValueError("wrong"))
    with pytest.raises(ValueError, match="wrong"):
        upper_limits.run(step, retry_on=retry_on)
    assert step.attempts == [1, 2]


def test_no_attempt_starts_after_the_last_second(pauses):
    now = [0.0]

    def sleep(seconds):
        pauses.append(seconds)
        now[0] += seconds

    policy = RetryPolicy(
        None,
        first=10,
        longest=10,
        seconds=25,
        sleep=sleep,
        uniform=lambda _low, high: high,
        monotonic=lambda: now[0],
    )
    with pytest.raises(OSError, match="4"):
        policy.run(Step(*(OSError(str(number)) for number in range(1, 9))))
    assert pauses == [10, 10, 10]


def test_unlimited_errors_are_retried_beyond_the_attempts(upper_limits):
    step = Step(*(TimeoutError() for _ in range(20)), OSError("last"))
    with pytest.raises(OSError, match="last"):
        upper_limits.run(step, unlimited=TimeoutError)
    assert len(step.attempts) == 21


def test_an_abandoned_policy_raises_the_next_error(pauses):
    stop = threading.Event()
    policy = RetryPolicy(None, sleep=lambda _seconds: stop.set(), abandoned=stop.is_set)
    step = Step(OSError("1"), OSError("2"), OSError("3"))
    with pytest.raises(OSError, match="2"):
        policy.run(step)


def test_each_pause_is_reported_with_its_error(upper_limits):
    reports = []
    step = Step(OSError("slow"), OSError("slower"))
    upper_limits.run(
        step, before_sleep=lambda attempt, error: reports.append((attempt, str(error)))
    )
    assert reports == [(1, "slow"), (2, "slower")]


def test_the_defaults_give_up_within_seconds(pauses):
    policy = RetryPolicy(sleep=pauses.append, uniform=lambda _low, high: high)
    with pytest.raises(OSError, match="always"):
        policy.run(Step(*(OSError("always") for _ in range(20))))
    assert 3 < sum(pauses) < 10
