"""What a consumer's log says about its work."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Commits:
    """A consumer's commits, as it logged them.

    Args:
        assigned_at: when it was given partitions first; from then on it polls for messages.
        last: when its last commit had landed.
        rows: of each commit that had rows.
        stored: the sum of the positions that it reached.
    """

    assigned_at: datetime
    last: datetime
    rows: tuple[int, ...]
    stored: int

    @classmethod
    def read(cls, lines: Iterable[str]) -> Self | None:
        """Read a log of JSON lines, the last of which may be half written; None if nothing was committed yet."""
        assigned_at = last = None
        rows: list[int] = []
        positions: dict[str, int] = {}
        for entry in _entries(lines):
            if entry["message"] == "Partitions assigned" and assigned_at is None:
                assigned_at = datetime.fromisoformat(entry["time"])
            elif entry["message"] == "Committed":
                last = datetime.fromisoformat(entry["time"])
                rows += [entry["rows"]] if entry["rows"] else []
                positions |= entry["positions"]
        if assigned_at is None or last is None:
            return None
        return cls(assigned_at, last, tuple(rows), sum(positions.values()))

    @property
    def seconds(self) -> float:
        """From the first poll for messages to the last stored row."""
        return (self.last - self.assigned_at).total_seconds()

    @property
    def median_rows(self) -> int:
        """Rows of the middle commit."""
        return round(median(self.rows))


def _entries(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        if line.startswith("{") and line.endswith("}\n"):
            yield json.loads(line)
