"""Which hours a change of the sources may have made wrong. The search writes nothing."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import pyarrow as pa

from classwaves_rollup.late_data.changes import (
    DETECTORS,
    Change,
    Changes,
    hour_to_number,
    hours_between,
    number_to_hour,
)
from classwaves_rollup.late_data.session_activity import (
    affected_hours,
    group_hours,
    session_activity,
)
from classwaves_rollup.run_log import RunLog, State
from classwaves_schemas.tables import SOURCES, Table
from classwaves_warehouse.errors import VersionGone
from classwaves_warehouse.reading import Snapshot

_MAX_GAP_HOURS: Final = 48
"""Hours that are further apart are queried separately."""
_ABSENT: Final = -1
"""The version of a table that does not exist."""

Added: TypeAlias = Callable[[Table, int, Sequence[str]], pa.Table]
"""The changed rows of a table since a version, as of a `RollupStore` or of `PinnedTables`."""


def source_versions(snapshot: Snapshot) -> Mapping[str, int]:
    """The version of every source in a snapshot of them, by qualified name."""
    names = [table.qualified_name for table in SOURCES]
    return {name: snapshot.versions.get(name, _ABSENT) for name in names}


def find_dirty_hours(
    added: Added,
    snapshot: Snapshot,
    run_log: RunLog,
    scanned: Mapping[datetime, Mapping[str, int]],
    versions: Mapping[str, int],
) -> Mapping[datetime, str]:
    """The hours whose sources have changed since they were computed, each with the reason.

    The answer may have hours whose rows would be the same again, but lacks none that would change,
    within the limits of docs/rollup-worker.md ("What a scan finds").

    Args:
        added: the changes of a source.
        snapshot: of the sources and rollup_facts_hourly, taken after the run log was read.
        run_log: as it was read.
        scanned: by hour to search, the versions up to which it was scanned before.
        versions: the `source_versions` up to which to search; not newer than the snapshot.

    Raises:
        WarehouseUnavailable: try again.
    """
    return _Search(added, snapshot, run_log, scanned, versions).dirty_hours()


class _Search:
    """One search; its arguments are those of `find_dirty_hours`."""

    def __init__(
        self,
        added: Added,
        snapshot: Snapshot,
        run_log: RunLog,
        scanned: Mapping[datetime, Mapping[str, int]],
        versions: Mapping[str, int],
    ) -> None:
        self._added = added
        self._snapshot = snapshot
        self._run_log = run_log
        self._scanned = scanned
        self._versions = versions
        self._reasons: dict[int, str] = {}

    def dirty_hours(self) -> Mapping[datetime, str]:
        """The hours to mark dirty, each with the reason."""
        for hour, scanned in self._scanned.items():
            # What an unfinished run has read is unknown, and it may still finish: the mark keeps
            # it from finishing the hour.
            if self._run_log[hour].state is State.RUNNING and scanned != self._versions:
                self._reasons[hour_to_number(hour)] = "its run did not finish"
        candidates: list[_Candidate] = []
        for table in SOURCES:
            waiting = self._hours_by_version(table)
            while waiting:
                since = min(waiting)
                hours = waiting.pop(since)
                changes = self._changes_since(table, since)
                if changes is None:
                    self._add(table, hours)
                    continue
                self._add(table, changes.hours.intersection(hours))
                candidates += [
                    _Candidate(table, change, within)
                    for change in changes.sessions
                    if (within := hours_between(hours, change.first, change.last))
                ]
                if DETECTORS[table].append_only:
                    # An hour that no row since the oldest version can affect, no row since a later
                    # version can affect either: it needs no query of its own.
                    waiting = {
                        version: later
                        for version, later in waiting.items()
                        if changes.possibly_affected(later)
                    }
        self._add_candidates(candidates)
        return {number_to_hour(number): self._reasons[number] for number in sorted(self._reasons)}

    def _hours_by_version(self, table: Table) -> dict[int, list[int]]:
        """By the version of a table since which rows may affect them, the done hours, ascending."""
        name = table.qualified_name
        found: defaultdict[int, list[int]] = defaultdict(list)
        for hour, scanned in self._scanned.items():
            run = self._run_log[hour]
            if run.state is not State.DONE:
                continue  # it will be computed again anyway
            since = max(run.source_versions.get(name, _ABSENT), scanned.get(name, _ABSENT))
            if since < self._versions[name]:
                found[since].append(hour_to_number(hour))
        return found

    def _changes_since(self, table: Table, since: int) -> Changes | None:
        """What rows added since a version can affect; None if that version is gone."""
        detector = DETECTORS[table]
        try:
            rows = (
                self._snapshot.query(f"SELECT {', '.join(detector.columns)} FROM {table.name}", {})  # noqa: S608
                if since == _ABSENT
                else self._added(table, since, list(detector.columns))
            )
        except VersionGone:
            return None
        return detector.detect(rows, hour_to_number(max(self._run_log)))

    def _add_candidates(self, candidates: Sequence["_Candidate"]) -> None:
        """Add the hours in which changed sessions have the activity that the change affects."""
        hours = sorted({hour for each in candidates for hour in each.hours})
        for first, last in group_hours(hours, _MAX_GAP_HOURS):
            group = [
                each
                for each in candidates
                if each.change.first <= last and each.change.last >= first
            ]
            sessions = {each.change.session_id for each in group}
            activity = session_activity(
                self._snapshot, sessions, number_to_hour(first), number_to_hour(last)
            )
            for each in group:
                affected = affected_hours(each.change, activity.get(each.change.session_id, {}))
                self._add(each.table, affected.intersection(each.hours))

    def _add(self, table: Table, hours: Iterable[int]) -> None:
        for hour in hours:
            self._reasons.setdefault(hour, f"{table.qualified_name} has changed")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A change to a session, and the hours in its range that can be marked dirty."""

    table: Table
    change: Change
    hours: Sequence[int]
