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

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from classwaves_rollup.late_data.search import find_dirty_hours, source_versions
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
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY, SOURCES
from classwaves_warehouse.errors import ConcurrentWrite
from classwaves_warehouse.interface import RollupStore

_VERSIONS_TAKEN = FailPoint("look-versions")
_MARKED = FailPoint("look-marked")
_EXAMINED = FailPoint("look-examined")


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
            versions = source_versions(sources)
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
                dirty = find_dirty_hours(store.added, snapshot, run_log, scanned, versions)
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
