"""Whether an hour costs more as the tables grow."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from bench.hour import Cost


@dataclass(frozen=True, slots=True)
class Growth:
    """One hour in tables with little and with long history.

    Args:
        days: of the long history; the little one is of 1 day.
        sessions_a_day: in the history, which is thinner than the hour.
        short, long: one run of each round, taken in turns.
        short_bytes, long_bytes: by source, of the files that may hold rows the hour asks for.
    """

    days: int
    sessions_a_day: int
    short: Sequence[Cost]
    long: Sequence[Cost]
    short_bytes: Mapping[str, int]
    long_bytes: Mapping[str, int]

    @property
    def time_ratio(self) -> float:
        """Of the medians, long by short."""
        return median(each.median_seconds for each in self.long) / median(
            each.median_seconds for each in self.short
        )

    @property
    def bytes_ratio(self) -> float:
        """Of the touchable files, long by short."""
        return sum(self.long_bytes.values()) / sum(self.short_bytes.values())

    @property
    def read_ratio(self) -> float | None:
        """Of what was really read, long by short; None where the system does not tell."""
        short, long = (
            [each.read_bytes for each in costs if each.read_bytes]
            for costs in (self.short, self.long)
        )
        return median(long) / median(short) if short and long else None

    def document(self) -> dict[str, Any]:
        """For a JSON file."""
        read = self.read_ratio
        return {
            **asdict(self),
            "time_ratio": round(self.time_ratio, 3),
            "touchable_bytes_ratio": round(self.bytes_ratio, 3),
            "read_bytes_ratio": None if read is None else round(read, 3),
            "note": "The history is thinner than the hour, so the ratios are those of a thin history.",
        }
