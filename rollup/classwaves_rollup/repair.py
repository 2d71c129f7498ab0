"""Which hours are no longer what their sources give: found from the versions of tables, never from a clock.

A look has three steps, and a crash between any two of them loses nothing:

1. The latest versions of all sources are taken, *then* the ledger is read, and then the facts: an hour that has no row
   yet will be read at least at those versions, and of an hour that is done the facts are there.
2. What was added since an hour's rows were read, or since the last look if that was later, tells which hours it
   touches. They are marked dirty, each on the condition that nobody has written its row meanwhile.
3. The look's position moves on to those versions. It is kept with the rows that runs write (examined_versions); where
   it is lost, more is looked at again.

Of an hour that somebody runs nobody knows yet what it has read: it keeps its own position until its run has ended, or
has lasted too long and is overtaken by a mark.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from classwaves_rollup.changes import READERS, Change, Touched, between, hour_number, hour_numbered
from classwaves_rollup.presence import places, stretches, touched
from classwaves_rollup.run import Run, State
from classwaves_rollup.runs import Runs, earliest, latest, read_runs
from classwaves_rollup.taking_over import Patience
from classwaves_runtime.failpoints import FailPoint
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY, SOURCES, Table
from classwaves_warehouse.errors import ConcurrentWrite, VersionGone
from classwaves_warehouse.hours import Hours, Snapshot

_TAKEN = FailPoint("look-versions")
_MARKED = FailPoint("look-marked")
_EXAMINED = FailPoint("look-examined")

_APART = 48  # hours: what lies further apart is asked for separately
_NOTHING = -1  # the version of a table that is not there


class Look:
    """Looks for what came late, each time from where it stood the last time.

    Args:
        patience: with the runs of others.
    """

    def __init__(self, patience: Patience) -> None:
        self.examined: Mapping[str, int] = {}
        """By source, the version up to which it has looked for every hour, and marked."""
        self._patience = patience
        self._reached: Mapping[
            str, int
        ] = {}  # the same for all hours but these, with an own position each
        self._left: Mapping[datetime, Mapping[str, int]] = {}

    def at(
        self, hours: Hours, looked: Callable[[Collection[datetime]], None] = lambda _: None
    ) -> Runs:
        """Mark dirty every hour that is no longer what its sources give; the ledger afterwards.

        Hours that somebody runs are left to a later look, as long as there is patience with the run.

        Args:
            hours: of the warehouse.
            looked: is told which hours were marked.

        Raises:
            WarehouseUnavailable: not all was looked at; the position stays, and the next look sees the same again.
        """
        with hours.snapshot(SOURCES) as sources:
            now = {
                table.qualified_name: sources.versions.get(table.qualified_name, _NOTHING)
                for table in SOURCES
            }
        _TAKEN.hit()
        runs = read_runs(hours)
        examined = runs.examined
        reached = latest(examined, self._reached)
        positions = {
            hour: latest(examined, self._left[hour]) if hour in self._left else reached
            for hour in runs
        }
        left = {
            hour: positions.pop(hour)
            for hour in runs.in_state(State.RUNNING)
            if not self._patience.over(runs[hour])
        }
        dirty: Mapping[datetime, str] = {}
        if any(position != now for position in positions.values()):
            with hours.snapshot([ROLLUP_FACTS_HOURLY, *SOURCES]) as snapshot:
                dirty = _Search(hours, snapshot, runs, positions, now).dirty()
        marked: list[datetime] = []
        for hour, because in dirty.items():
            try:
                runs = runs.with_(_mark(hours, runs[hour], because))
            except ConcurrentWrite:
                looked(marked)
                return read_runs(
                    hours
                )  # a run came between: the position stays, and the next look sees to it
            marked.append(hour)
            _MARKED.hit()
        self._reached, self._left = latest(self._reached, now), left
        self.examined = earliest(self._reached, *left.values())
        _EXAMINED.hit()
        looked(marked)
        return runs


def _mark(hours: Hours, run: Run, because: str) -> Run:
    dirty = run.dirtied(because)
    hours.upsert_run(dirty.row(), run.run_id)
    return dirty


class _Search:
    """One look's search for touched hours.

    Args:
        hours: to ask what was added.
        snapshot: of the sources and the facts, taken after the ledger was read.
        runs: the ledger.
        positions: of the hours that are looked at, up to where that was done before.
        now: the versions that were taken before the ledger was read.
    """

    def __init__(
        self,
        hours: Hours,
        snapshot: Snapshot,
        runs: Runs,
        positions: Mapping[datetime, Mapping[str, int]],
        now: Mapping[str, int],
    ) -> None:
        self._hours = hours
        self._snapshot = snapshot
        self._runs = runs
        self._positions = positions
        self._now = now
        self._because: dict[int, str] = {}

    def dirty(self) -> Mapping[datetime, str]:
        """Hours that are to be marked, with the reason."""
        for hour, position in self._positions.items():
            # What it has read nobody will know. It might still end, and must not call the hour done then.
            if self._runs[hour].state is State.RUNNING and position != self._now:
                self._because[hour_number(hour)] = "its run has come to no end"
        pending: list[_Pending] = []
        for table in SOURCES:
            waiting = self._by_version(table)
            while waiting:
                since = min(waiting)
                mine = waiting.pop(since)
                found = self._added(table, since)
                if found is None:
                    self._touch(table, mine)
                    continue
                self._touch(table, found.hours.intersection(mine))
                pending += [
                    _Pending(table, change, within)
                    for change in found.changes
                    if (within := between(mine, change.first, change.last))
                ]
                if READERS[table].lasting:
                    # Hours of a backfill were read at a thousand versions; most of them nothing new can touch.
                    waiting = {
                        version: hours for version, hours in waiting.items() if found.reached(hours)
                    }
        self._resolve(pending)
        return {hour_numbered(number): self._because[number] for number in sorted(self._because)}

    def _by_version(self, table: Table) -> dict[int, list[int]]:
        """By the version since when a table may have changed them, the hours that may be marked, in order."""
        name = table.qualified_name
        found: defaultdict[int, list[int]] = defaultdict(list)
        for hour, position in self._positions.items():
            run = self._runs[hour]
            if run.state is not State.DONE:
                continue  # it will be read again anyhow
            since = max(run.source_versions.get(name, _NOTHING), position.get(name, _NOTHING))
            if since < self._now[name]:
                found[since].append(hour_number(hour))
        return found

    def _added(self, table: Table, since: int) -> Touched | None:
        """What changed rows can touch; None if that can be told no longer."""
        reader = READERS[table]
        try:
            rows = (
                self._snapshot.query(f"SELECT {', '.join(reader.columns)} FROM {table.name}", {})  # noqa: S608
                if since == _NOTHING
                else self._hours.added(table, since, list(reader.columns))
            )
        except VersionGone:
            return None
        return reader.touched(rows, hour_number(max(self._runs)))

    def _resolve(self, pending: Sequence["_Pending"]) -> None:
        """Find the hours in which changed sessions have a part."""
        within = sorted({hour for each in pending for hour in each.within})
        for first, last in stretches(within, _APART):
            here = [
                each for each in pending if each.change.first <= last and each.change.last >= first
            ]
            sessions = {each.change.session_id for each in here}
            found = places(self._snapshot, sessions, hour_numbered(first), hour_numbered(last))
            for each in here:
                part = touched(each.change, found.get(each.change.session_id, {}))
                self._touch(each.table, part.intersection(each.within))

    def _touch(self, table: Table, hours: Iterable[int]) -> None:
        for hour in hours:
            self._because.setdefault(hour, f"{table.qualified_name} has changed")


@dataclass(frozen=True, slots=True)
class _Pending:
    """A change of a session, and the hours in its reach that may be marked for it."""

    table: Table
    change: Change
    within: Sequence[int]
