"""Which hours an answer may take from the rollup's tables; all others are computed live.

Each hour is decided alone: an old hour that must be computed again does not affect later ones.
The tables are read in an order in which no replacement can be half seen:

1. the run log, then the rollup's tables, then the sources, each pinned to a version
2. the run log again
3. the scan for late data, on the pinned tables

An hour is stored if both run logs have the same done run. A run announces itself in the run log
before it writes rows, so the pinned rows are those of that run. The sources, pinned after them,
are at least as new as what the run read, and the scan finds what changed since.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from classwaves_rollup.late_data import find_dirty_hours, source_versions
from classwaves_rollup.run_log import Run, RunLog, State, has_ended, run_log_in
from classwaves_schemas.tables import (
    DASHBOARD_METRICS_HOURLY,
    ROLLUP_FACTS_HOURLY,
    ROLLUP_RUNS,
    SOURCES,
)
from classwaves_warehouse.reading import PinnedTables, Reader


class LiveReason(StrEnum):
    """Why an hour is computed live."""

    NOT_ENDED = "not-ended"
    NOT_COMPUTED = "not-computed"
    DIRTY = "dirty"
    RUNNING = "running"
    FAILED = "failed"
    REPLACED = "replaced"
    LATE_DATA = "late-data"


_OF_STATE: Final = {
    State.DIRTY: LiveReason.DIRTY,
    State.RUNNING: LiveReason.RUNNING,
    State.FAILED: LiveReason.FAILED,
}


@dataclass(frozen=True, slots=True)
class HourSource:
    """Where the rows of an hour come from.

    Args:
        hour: its start.
        reason: why it is computed live; None if its stored rows are used.
        detail: more about the reason, for people.
    """

    hour: datetime
    reason: LiveReason | None = None
    detail: str | None = None

    @property
    def is_stored(self) -> bool:
        """Whether the stored rows are used."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class TrustedHours:
    """Pinned tables, and for each hour of a question where its rows come from.

    Args:
        tables: the rollup's tables and the sources. Stored and live hours are read from these.
        hours: in the order of the question.
    """

    tables: PinnedTables
    hours: Sequence[HourSource]


def decide_hours(
    hours: Sequence[datetime],
    before: RunLog,
    after: RunLog,
    late_data: Mapping[datetime, str],
    now: datetime,
) -> Sequence[HourSource]:
    """Decide for each hour whether it is stored or live.

    Args:
        hours: their starts, aware.
        before: the run log as it was before the tables were pinned.
        after: the run log as it was after that.
        late_data: the hours that the scan of the pinned tables found, with what has changed.
        now: aware.
    """
    return [
        _decide(hour, before.get(hour), after.get(hour), late_data.get(hour), now) for hour in hours
    ]


def _decide(
    hour: datetime, before: Run | None, after: Run | None, changed: str | None, now: datetime
) -> HourSource:
    if not has_ended(hour, now):
        return HourSource(hour, LiveReason.NOT_ENDED, "the hour has not ended")
    if before is None:
        return HourSource(hour, LiveReason.NOT_COMPUTED, "the hour has no run")
    if before.state is not State.DONE:
        return HourSource(hour, _OF_STATE[before.state], before.error)
    if before != after:
        return HourSource(hour, LiveReason.REPLACED, "its run changed while the tables were read")
    if changed is not None:
        return HourSource(hour, LiveReason.LATE_DATA, changed)
    return HourSource(hour)


def read_trusted_hours(reader: Reader, hours: Sequence[datetime], now: datetime) -> TrustedHours:
    """Pin the tables of a question, and decide which of its hours are stored.

    Args:
        reader: of the tables.
        hours: their starts, aware.
        now: aware.

    Raises:
        TableMissing: rollup_runs does not exist.
        VersionGone: files of a pinned version were deleted; ask again.
        WarehouseUnavailable: try again.
    """
    tables = reader.pin([ROLLUP_RUNS, ROLLUP_FACTS_HOURLY, DASHBOARD_METRICS_HOURLY, *SOURCES])
    after = run_log_in(reader.pin([ROLLUP_RUNS]))
    before = run_log_in(tables)
    settled = [each.hour for each in decide_hours(hours, before, after, {}, now) if each.is_stored]
    examined, versions = before.examined_versions, source_versions(tables)
    late_data = find_dirty_hours(
        tables.added, tables, before, dict.fromkeys(settled, examined), versions
    )
    return TrustedHours(tables, decide_hours(hours, before, after, late_data, now))
