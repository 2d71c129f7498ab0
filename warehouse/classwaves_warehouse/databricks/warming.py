"""A warehouse that was stopped, and starts because somebody asks."""

from typing import Final

from classwaves_runtime.clock import Clock
from classwaves_warehouse.errors import WarehouseUnavailable, WarehouseWarming

_ANOTHER_SECONDS: Final = 180.0
"""Whoever waits asks every minute at least: after such a silence it is another start."""


class Warming:
    """How long a warehouse has been starting.

    Args:
        budget: seconds after which a start is called a failure.
        clock: for how long it has lasted.
    """

    def __init__(self, budget: float, clock: Clock) -> None:
        self._budget = budget
        self._clock = clock
        self._since: float | None = None
        self._met_at = 0.0

    def met(self, error: WarehouseWarming) -> WarehouseUnavailable:
        """The warehouse said that it is starting: the same error, or that this has lasted too long."""
        now = self._clock.monotonic()
        if self._since is None or now - self._met_at > _ANOTHER_SECONDS:
            self._since = now
        self._met_at = now
        lasted = now - self._since
        if lasted < self._budget:
            return error
        return WarehouseUnavailable(
            f"{error} But it has been starting for {lasted:.0f} s, longer than DATABRICKS_WARMING_SECONDS "
            f"({self._budget:.0f}): look at the warehouse's page in the workspace."
        )

    def over(self) -> None:
        """The warehouse has answered."""
        self._since = None
