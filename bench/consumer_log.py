"""Reads a consumer's commits from its log.

Entries are recognised by their fields, not by their messages: a comparison reads the logs of two
versions, and messages may change between versions.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class CommitLog:
    """A consumer's commits.

    Args:
        assigned_at: time of the first partition assignment, which starts the first poll.
        last: time of the last commit.
        rows: of each commit that had rows.
        stored: the sum of the committed positions.
    """

    assigned_at: datetime
    last: datetime
    rows: tuple[int, ...]
    stored: int

    @classmethod
    def read(cls, lines: Iterable[str]) -> Self | None:
        """Read a log of JSON lines, of which the last may be incomplete; None without a commit."""
        assigned_at = last = None
        rows: list[int] = []
        positions: dict[str, int] = {}
        for entry in _entries(lines):
            if "partitions" in entry and assigned_at is None:
                assigned_at = datetime.fromisoformat(entry["time"])
            elif "positions" in entry and "rows" in entry:
                last = datetime.fromisoformat(entry["time"])
                rows += [entry["rows"]] if entry["rows"] else []
                positions |= entry["positions"]
        if assigned_at is None or last is None:
            return None
        return cls(assigned_at, last, tuple(rows), sum(positions.values()))

    @property
    def seconds(self) -> float:
        """The time from the assignment to the last commit."""
        return (self.last - self.assigned_at).total_seconds()

    @property
    def median_rows(self) -> int:
        """The median of rows per commit."""
        return round(median(self.rows))


def owned_partitions(lines: Iterable[str]) -> set[int]:
    """The partitions that a consumer had been assigned, and not revoked, at the end of a log."""
    owned: set[int] = set()
    for entry in _entries(lines):
        if entry["message"] == "Partitions assigned":
            owned.update(entry["partitions"])
        elif entry["message"] == "Partitions revoked":
            owned.difference_update(entry["partitions"])
    return owned


def _entries(lines: Iterable[str]) -> Iterable[dict[str, Any]]:
    for line in lines:
        if line.startswith("{") and line.endswith("}\n"):
            yield json.loads(line)
