"""Retries of calls to a SQL warehouse, with and without waiting for a cold start."""

from collections.abc import Callable
from typing import Final, TypeVar

from classwaves_runtime.errors import InjectedFault
from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.errors import WarehouseUnavailable, WarehouseWarming

T = TypeVar("T")

DEFAULT_RETRY: Final = RetryPolicy(attempts=8, first=0.2, longest=5.0, seconds=60.0)
"""About 15 s of pauses. A lost reply alone may take a minute, so the time is limited too."""


def retry(policy: RetryPolicy, step: Callable[[int], T]) -> T:
    """Call a step with the number of its attempt until it succeeds.

    Raises:
        WarehouseWarming: at once. A cold start takes minutes, so the caller waits for it and can
            stop in between.
        WarehouseUnavailable: of the last attempt.
    """
    return policy.run(
        step,
        retry_on=lambda error: _is_transient(error) and not isinstance(error, WarehouseWarming),
    )


def retry_after_cold_start(policy: RetryPolicy, step: Callable[[int], T]) -> T:
    """Call a step until it succeeds; attempts during a cold start are not limited.

    Raises:
        WarehouseUnavailable: of the last attempt, or the cold start took too long.
    """
    return policy.run(step, retry_on=_is_transient, unlimited=WarehouseWarming)


def _is_transient(error: BaseException) -> bool:
    return isinstance(error, (WarehouseUnavailable, InjectedFault))
