"""What a minute of a session is reckoned to take and cost: estimates, and never without somebody having set them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rates:
    """The rates that are set. None: no estimate is made.

    Args:
        storage_gb_per_minute: gigabytes that a minute of a session takes.
        cost_per_minute: what computing for a minute of a session costs, in the currency of whoever set it.
    """

    storage_gb_per_minute: float | None = None
    cost_per_minute: float | None = None

    @property
    def method(self) -> str:
        """How a row was computed, with each rate that went into it."""
        parts = ["facts"]
        if self.storage_gb_per_minute is not None:
            parts.append(f"storage {self.storage_gb_per_minute} GB/min")
        if self.cost_per_minute is not None:
            parts.append(f"cost {self.cost_per_minute}/min")
        return "; ".join(parts)
