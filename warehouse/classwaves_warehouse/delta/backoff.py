"""How long a ledger goes on trying."""

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential pauses with full jitter between the attempts of one append.

    Args:
        attempts: commits tried before giving up.
        first: longest first pause, in seconds; it doubles with every attempt.
        longest: no pause is longer, in seconds.
    """

    attempts: int = 10
    first: float = 0.02
    longest: float = 2.0

    def pause(self, attempt: int, chance: Random) -> float:
        """Seconds to wait after this attempt (1, 2, …) has failed."""
        return chance.uniform(0, min(self.longest, self.first * 2 ** (attempt - 1)))


PATIENT = Backoff()
"""About 5 s at most: longer waits are the caller's, who can stop in between."""
