"""What a pass of upkeep reports, as one JSON object a line."""

from collections.abc import Sequence
from dataclasses import dataclass
from resource import RUSAGE_SELF, getrusage

import msgspec

from classwaves_warehouse.interface import TableUpkeep


@dataclass(frozen=True, slots=True)
class PassReport:
    """A pass over all tables.

    Args:
        tables: what it did to each; empty if it failed.
        seconds: how long it took.
        peak_bytes: the most memory that its process has had so far.
        error: why it failed, or None.
    """

    tables: Sequence[TableUpkeep]
    seconds: float
    peak_bytes: int
    error: str | None = None

    def to_json(self) -> str:
        """One line of JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, line: str | bytes) -> "PassReport":
        """The report of a line.

        Raises:
            msgspec.ValidationError, msgspec.DecodeError: it is none.
        """
        return msgspec.json.decode(line, type=cls)


def peak_bytes() -> int:
    """The most memory that this process has had."""
    return getrusage(RUSAGE_SELF).ru_maxrss * 1024
