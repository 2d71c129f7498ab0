"""Which files of the rollup's facts and hourly rows are rewritten as one, by day or by month.

Replacing an hour rewrites each file that has rows of it. So a day has files of its own while its
month is open, and a sealed month has few files, in which the rows of a school are adjacent. A month
is sealed a week after its end, when late data has become rare.

While hours of a period are being written its files are merged in tiers, so that a backfill does not
rewrite a growing file again and again. Once nothing has been written for two hours, all small files
of the period become one.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from classwaves_warehouse.delta.compaction.file_groups import (
    CompactionPolicy,
    DataFile,
    adjacent,
    plan_groups,
    tiers,
)

_SEALED_AFTER: Final = timedelta(days=7)
_QUIET: Final = timedelta(hours=2)

_Period = tuple[int, int, int]
"""Year, month and day; day 0 is the whole month."""


def plan_periods(
    files: Sequence[DataFile], now: datetime, policy: CompactionPolicy
) -> Sequence[Sequence[DataFile]]:
    """All groups of files to rewrite, by period; files of no single month come last.

    Args:
        files: all live files.
        now: the present time, aware.
        policy: the limits.
    """
    periods: dict[_Period, list[DataFile]] = {}
    others = []
    for file in filter(policy.is_small, files):
        period = _period(file, now)
        if period is not None:
            periods.setdefault(period, []).append(file)
        elif not _is_in_one_month(file):
            others.append(file)
    groups = [
        group for _, members in sorted(periods.items()) for group in _groups(members, now, policy)
    ]
    return [*groups, *plan_groups(others, now, policy)]


def _period(file: DataFile, now: datetime) -> _Period | None:
    """The period of a file; None if it belongs to no single one."""
    if file.first is None or file.last is None:
        return None
    first, last = file.first.astimezone(UTC), file.last.astimezone(UTC)
    if (first.year, first.month) != (last.year, last.month):
        return None
    if now >= _end_of_month(first) + _SEALED_AFTER:
        return first.year, first.month, 0
    return (first.year, first.month, first.day) if first.day == last.day else None


def _is_in_one_month(file: DataFile) -> bool:
    if file.first is None or file.last is None:
        return False
    return _end_of_month(file.first.astimezone(UTC)) > file.last


def _end_of_month(time: datetime) -> datetime:
    start = time.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (start + timedelta(days=31)).replace(day=1)


def _groups(
    files: Collection[DataFile], now: datetime, policy: CompactionPolicy
) -> Iterator[Sequence[DataFile]]:
    written = [file.written for file in files if file.written is not None]
    if not written or now - max(written) >= _QUIET:
        yield from adjacent(files, None, replace(policy, min_files=2))
    else:
        for _, members in sorted(tiers(files).items()):
            yield from adjacent(members, None, policy)
