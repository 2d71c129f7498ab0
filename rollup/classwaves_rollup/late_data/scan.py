"""The scan for late data. It compares versions of tables; no clock is involved.

A scan has three steps. A crash between two of them loses nothing:

1. It takes the latest versions of all sources, *then* reads the run log, *then* the facts. So an
   hour without a run will be computed from at least these versions, and the facts of a done hour
   are there.
2. Rows that were added since an hour was computed, or since the last scan if that was later,
   determine the affected hours. It marks each of them dirty, unless another run wrote it
   meanwhile.
3. The versions of step 1 become the scanned versions. They are kept with the rows that runs write
   (examined_versions); if they are lost, more is scanned again.

Nothing is known yet of what a running run has read. Its hour keeps its own scanned versions until
the run finishes, or until the takeover timeout passes and the scan marks the hour dirty.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

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
from classwaves_rollup.run_log import (
    Run,
    RunLog,
    State,
    TakeoverTimeout,
    earliest_versions,
    latest_versions,
    read_run_log,
)
from classwaves_runtime.failpoints import FailPoint
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY, SOURCES, Table
from classwaves_warehouse.errors import ConcurrentWrite, VersionGone
from classwaves_warehouse.interface import RollupStore, Snapshot

_VERSIONS_TAKEN = FailPoint("look-versions")
_MARKED = FailPoint("look-marked")
_EXAMINED = FailPoint("look-examined")

_MAX_GAP_HOURS: Final = 48
"""Hours that are further apart are queried separately."""
_ABSENT: Final = -1
"""The version of a table that does not exist."""


class LateDataScan:
    """Scans for late data, each time from the versions that the last scan took.

    Args:
        takeover: decides when an hour that another owner computes is marked dirty.
    """

    def __init__(self, takeover: TakeoverTimeout) -> None:
        self.examined_versions: Mapping[str, int] = {}
        """By source, the version up to which every hour was scanned and marked.

        The earliest over all hours, skipped ones included: what another process may start from.
        """
        self._takeover = takeover
        # Of all hours except the skipped ones, each of which has its own.
        self._scanned_versions: Mapping[str, int] = {}
        self._skipped: Mapping[datetime, Mapping[str, int]] = {}

    def mark(
        self, store: RollupStore, on_marked: Callable[[Collection[datetime]], None] = lambda _: None
    ) -> RunLog:
        """Mark the hours dirty whose sources have changed; give the run log after that.

        Hours that another owner computes are skipped until their takeover timeout passes.

        Args:
            store: of the warehouse.
            on_marked: called with the hours that were marked.

        Raises:
            WarehouseUnavailable: the scan is unfinished. The scanned versions stay, so the next
                scan finds the same changes.
        """
        with store.snapshot(SOURCES) as sources:
            versions = {
                table.qualified_name: sources.versions.get(table.qualified_name, _ABSENT)
                for table in SOURCES
            }
        _VERSIONS_TAKEN.hit()
        run_log = read_run_log(store)
        scanned = self._scanned_by_hour(run_log)
        skipped = {
            hour: scanned.pop(hour)
            for hour in run_log.in_state(State.RUNNING)
            if not self._takeover.has_passed(run_log[hour])
        }
        dirty: Mapping[datetime, str] = {}
        if any(each != versions for each in scanned.values()):
            with store.snapshot([ROLLUP_FACTS_HOURLY, *SOURCES]) as snapshot:
                dirty = _Search(store, snapshot, run_log, scanned, versions).dirty_hours()
        marked: list[datetime] = []
        for hour, reason in dirty.items():
            try:
                run_log = run_log.with_run(_mark_dirty(store, run_log[hour], reason))
            except ConcurrentWrite:
                # Another run wrote the hour meanwhile. The next scan starts where this one did.
                on_marked(marked)
                return read_run_log(store)
            marked.append(hour)
            _MARKED.hit()
        self._scanned_versions = latest_versions(self._scanned_versions, versions)
        self._skipped = skipped
        self.examined_versions = earliest_versions(self._scanned_versions, *skipped.values())
        _EXAMINED.hit()
        on_marked(marked)
        return run_log

    def _scanned_by_hour(self, run_log: RunLog) -> dict[datetime, Mapping[str, int]]:
        """By hour, the versions up to which it was scanned."""
        examined = run_log.examined_versions
        scanned = latest_versions(examined, self._scanned_versions)
        return {
            hour: latest_versions(examined, self._skipped[hour])
            if hour in self._skipped
            else scanned
            for hour in run_log
        }


def _mark_dirty(store: RollupStore, run: Run, reason: str) -> Run:
    dirty = run.marked_dirty(reason)
    store.upsert_run(dirty.row(), run.run_id)
    return dirty


class _Search:
    """Finds the affected hours in one scan.

    Args:
        store: gives the rows that were added.
        snapshot: of the sources and the facts, taken after the run log was read.
        run_log: as it was read.
        scanned: by hour to scan, the versions up to which it was scanned before.
        versions: of the sources, taken before the run log was read.
    """

    def __init__(
        self,
        store: RollupStore,
        snapshot: Snapshot,
        run_log: RunLog,
        scanned: Mapping[datetime, Mapping[str, int]],
        versions: Mapping[str, int],
    ) -> None:
        self._store = store
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
                else self._store.added(table, since, list(detector.columns))
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
