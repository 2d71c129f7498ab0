"""Which files of a table are rewritten as one: small ones, adjacent in time, of similar size.

Files are merged in tiers of rows. A file grows about eightfold with each merge, so a row is
rewritten a few times in its life, however many commits there are. Files of half the target size or
more are left alone.

A file that spans much more time than the files around it, such as one with a single absurd
event_time, would make every file that it is merged with as wide. Such wide files are merged with
each other only. How wide is too wide depends on the age: a group may span a day or an eighth of its
age. So recent hours stay in files of their own, and old files of quiet weeks still become few.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import log
from typing import Final

_DAY: Final = timedelta(days=1)
_AGE_SHARE: Final = 8
_TIER_ROWS: Final = 4096  # rewriting fewer rows than this costs less than the commit
_TIER_FACTOR: Final = 8


@dataclass(frozen=True, slots=True)
class DataFile:
    """A live file of a table.

    Args:
        path: below the table.
        size: bytes.
        rows: number of rows; 0 if unknown.
        first, last: range of the table's time column, aware; None if unknown.
        written: when the file was written, aware; None if unknown.
    """

    path: str
    size: int
    rows: int
    first: datetime | None
    last: datetime | None
    written: datetime | None = None


@dataclass(frozen=True, slots=True)
class CompactionPolicy:
    """Limits of compaction.

    Args:
        min_files: fewer files are not worth a rewrite, unless they fill a file.
        max_files: files of one group.
        max_rows: rows of one group.
        max_bytes: bytes of one group's files.
        max_groups: groups of one pass over one table.
    """

    min_files: int = 8
    max_files: int = 256
    max_rows: int = 1_000_000
    max_bytes: int = 64 * 1024 * 1024
    max_groups: int = 8

    def is_small(self, file: DataFile) -> bool:
        """Whether a file is less than half of what a group may be."""
        return 2 * file.rows < self.max_rows and 2 * file.size < self.max_bytes


def plan_groups(
    files: Sequence[DataFile], now: datetime, policy: CompactionPolicy
) -> Sequence[Sequence[DataFile]]:
    """All groups of files to rewrite, those of the smallest files first.

    Args:
        files: all live files.
        now: the present time, aware; ages are relative to it.
        policy: the limits.
    """
    small = tiers(filter(policy.is_small, files))
    return [
        group
        for _, members in sorted(small.items())
        for is_wide in (False, True)
        for group in adjacent(
            [each for each in members if _is_wide(each.first, each.last, now) == is_wide],
            None if is_wide else now,
            policy,
        )
    ]


def tiers(files: Iterable[DataFile]) -> Mapping[int, Sequence[DataFile]]:
    """The files by tier of their rows."""
    found: dict[int, list[DataFile]] = {}
    for file in files:
        found.setdefault(_tier(file), []).append(file)
    return found


def _tier(file: DataFile) -> int:
    rows = max(file.rows, _TIER_ROWS)
    return int(log(rows / _TIER_ROWS, _TIER_FACTOR))


def _is_wide(first: datetime | None, last: datetime | None, now: datetime) -> bool:
    if first is None or last is None:
        return True
    return last - first > max(_DAY, (now - last) / _AGE_SHARE)


def adjacent(
    files: Iterable[DataFile], now: datetime | None, policy: CompactionPolicy
) -> Iterator[Sequence[DataFile]]:
    """Divide files into groups that are adjacent in time, and leave out those that are too few.

    Args:
        files: to divide.
        now: limits the span of a group by its age; None for no limit.
        policy: the limits.
    """
    group = _Group()
    for file in sorted(files, key=lambda each: (each.first is not None, each.first, each.path)):
        is_full = group.is_full_for(file, policy)
        if is_full or (now is not None and _is_wide(*group.range_with(file), now)):
            if len(group.files) >= (2 if is_full else policy.min_files):
                yield group.files
            group = _Group()
        group.add(file)
    if len(group.files) >= policy.min_files:
        yield group.files


class _Group:
    """Files in ascending order of their starts, and their totals."""

    def __init__(self) -> None:
        self.files: list[DataFile] = []
        self._rows = self._bytes = 0
        self._first: datetime | None = None
        self._last: datetime | None = None

    def is_full_for(self, file: DataFile, policy: CompactionPolicy) -> bool:
        return (
            len(self.files) == policy.max_files
            or self._rows + file.rows > policy.max_rows
            or self._bytes + file.size > policy.max_bytes
        )

    def range_with(self, file: DataFile) -> tuple[datetime | None, datetime | None]:
        """The range of the files and one more, which starts last; all of them have ranges."""
        if self._last is None or (file.last is not None and file.last > self._last):
            return self._first or file.first, file.last
        return self._first, self._last

    def add(self, file: DataFile) -> None:
        self._first, self._last = self.range_with(file)
        self.files.append(file)
        self._rows += file.rows
        self._bytes += file.size
