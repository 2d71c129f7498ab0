"""The dedup index: which events are stored, without reading the table for each batch.

The index has all identities of the hours (of event_time) that it covers. A batch needs the hours
from 24 before to 24 after each of its own. Hours that are not covered are read from the table: from
the sidecars of its files, or else from the files.

The newest identities are in memory. The others are runs, of which only filters and fences are in
memory: sidecars, and runs on local disk.
"""

import logging
from collections.abc import Collection, Iterator, Sequence
from typing import Final, Protocol

import numpy as np

from classwaves_warehouse.batch import Batch, DedupResult, Digests, Found, deduplicate
from classwaves_warehouse.delta.dedup.identities import (
    IDENTITY_BYTES,
    NO_IDENTITIES,
    Hours,
    Identities,
    SortedRuns,
    hours_of,
)
from classwaves_warehouse.delta.dedup.local_runs import LocalRuns
from classwaves_warehouse.delta.dedup.run import IdentityRun
from classwaves_warehouse.errors import DamagedRun
from classwaves_warehouse.interface import DedupLoad
from classwaves_warehouse.settings import DedupLimits

log = logging.getLogger(__name__)

_MARGIN: Final = np.arange(-24, 25, dtype=np.int32)


class StoredIdentities(Protocol):
    """The identities of a table, by data file."""

    def files(self, hours: Hours) -> Sequence[str]:
        """The files that may have rows of these hours (ascending)."""
        ...

    def runs(self, paths: Sequence[str], local: LocalRuns) -> Iterator[tuple[str, IdentityRun]]:
        """Those of these files that have a sidecar, each with its run."""
        ...

    def identities(self, paths: Sequence[str], hours: Hours | None = None) -> Iterator[Identities]:
        """The identities in these files, of all hours or of some, in chunks."""
        ...


class DedupIndex:
    """Identities of the most recently needed hours.

    Args:
        limits: of memory and disk.
    """

    def __init__(self, limits: DedupLimits) -> None:
        self._limits = limits
        self._local = LocalRuns(limits.folder, limits.disk_bytes)
        self._contents = _Contents(limits, self._local)
        self._needed_at: dict[int, int] = {}
        self._batches = 0
        self._spilled_at = 0
        self._table_reads = 0

    @property
    def load(self) -> DedupLoad:
        """What the index holds, and how often it has read the table so far."""
        return DedupLoad(
            identities=len(self._contents),
            memory_bytes=self._contents.memory_bytes,
            disk_bytes=self._local.bytes,
            table_reads=self._table_reads,
        )

    def clear(self) -> None:
        """Forget everything; cover no hour."""
        self._needed_at.clear()
        self._contents.close()

    def deduplicate(self, batch: Batch, table: StoredIdentities) -> DedupResult:
        """Find a batch's new rows: not stored, and not repeats of earlier rows of the batch.

        Args:
            batch: rows to store.
            table: has the hours that the index does not cover.
        """
        self._batches += 1
        hours = np.unique(hours_of(batch.rows))
        return deduplicate(batch, lambda wanted: self._lookup(wanted, hours, table))

    def prepare(self, hour: int, table: StoredIdentities) -> None:
        """Cover what a batch of this hour needs."""
        self._lookup(NO_IDENTITIES.digests, np.array([hour], np.int32), table)

    def add(self, identities: Identities) -> None:
        """Add stored identities that the index does not have; those of other hours are ignored."""
        covered = np.fromiter(self._needed_at, dtype=np.int32, count=len(self._needed_at))
        if self._contents.add(identities.take(np.isin(identities.hours, covered))):
            # Hours that no batch has needed since the last run was written.
            unneeded = [hour for hour, at in self._needed_at.items() if at < self._spilled_at]
            self._spilled_at = self._batches
            self._drop(unneeded)
        self._evict()

    def add_files(self, paths: Sequence[str], table: StoredIdentities) -> None:
        """Add the identities of data files, of which the index may have some.

        Raises:
            FileNotFoundError: a file was vacuumed.
            DamagedRun: call `clear`.
        """
        unread = [path for path in paths if path not in self._contents.sidecars]
        self._contents.sidecars |= table.runs(unread, self._local)
        for chunk in table.identities(
            [path for path in unread if path not in self._contents.sidecars]
        ):
            ordered = chunk.in_order()
            self.add(ordered.take(~self._contents.find(ordered.digests).known))
        self._evict()

    def _lookup(self, wanted: Digests, hours: Hours, table: StoredIdentities) -> Found:
        """Search the hours around these, after those that are not covered have been read."""
        try:
            found = self._contents.find(wanted)
        except DamagedRun as error:
            log.warning("The dedup index starts again, because a run of it is damaged: %s", error)
            self.clear()
            found = Found.none(len(wanted))
        needed = np.unique(hours[:, np.newaxis] + _MARGIN).tolist()
        missing = [hour for hour in needed if hour not in self._needed_at]
        self._needed_at |= {hour: self._batches for hour in needed if hour in self._needed_at}
        if missing:
            self._read(np.array(missing, np.int32), wanted, found, table)
        return found

    def _read(self, missing: Hours, wanted: Digests, found: Found, table: StoredIdentities) -> None:
        """Search hours that the index does not cover; cover them if they are within its limits."""
        self._table_reads += 1
        paths = [path for path in table.files(missing) if path not in self._contents.sidecars]
        part = _Contents(self._limits, self._local)
        try:
            for path, run in table.runs(paths, self._local):
                part.sidecars[path] = run
                found.update(run.find(wanted))
            rest = [path for path in paths if path not in part.sidecars]
            for chunk in table.identities(rest, missing):
                found.update(chunk.find(wanted))
                if part.is_within_limits:
                    part.add(chunk)
        except BaseException:
            part.close()
            raise
        if part.is_within_limits:
            self._contents.absorb(part)
            self._needed_at |= dict.fromkeys(missing.tolist(), self._batches)
            self._evict()
        else:
            part.close()

    def _evict(self) -> None:
        """Drop the least recently needed hours, an eighth of a limit at a time."""
        contents, limits = self._contents, self._limits
        self._drop(self._victims(contents.all_runs(), len(contents), limits.identities))
        self._drop(self._victims((), len(contents.recent), limits.without_disk))

    def _victims(self, runs: Sequence[IdentityRun], size: int, limit: int) -> Sequence[int]:
        """The hours to drop, so that the limit is kept.

        Args:
            runs: that count, with the identities in memory.
            size: identities of both.
            limit: of identities.
        """
        victims: list[int] = []
        excess, enough = size - limit, limit // 8
        if excess <= 0:
            return victims
        counts = self._contents.recent.count_by_hour()
        # A run goes with the last of its covered hours.
        remaining = [(len(run), self._needed_at.keys() & run.hours) for run in runs]
        hours = set(counts).union(*(covered for _, covered in remaining))
        freed = sum(length for length, covered in remaining if not covered)
        for hour in sorted(hours, key=lambda hour: (self._needed_at[hour], hour)):
            in_use = self._needed_at[hour] == self._batches
            if freed >= (excess if in_use else max(excess, enough)):
                break
            victims.append(hour)
            freed += counts.get(hour, 0)
            for length, covered in remaining:
                if hour in covered:
                    covered.remove(hour)
                    freed += 0 if covered else length
        return victims

    def _drop(self, hours: Sequence[int]) -> None:
        for hour in hours:
            del self._needed_at[hour]
        if hours:
            self._contents.keep(self._needed_at.keys(), np.array(hours, np.int32))


class _Contents:
    """Identities: in memory, in runs on local disk, and in sidecars by data file."""

    def __init__(self, limits: DedupLimits, local: LocalRuns) -> None:
        self.recent = SortedRuns()
        self.sidecars: dict[str, IdentityRun] = {}
        self._runs: list[IdentityRun] = []
        self._limits = limits
        self._local = local
        self._spill_at = limits.in_memory

    def __len__(self) -> int:
        return len(self.recent) + sum(map(len, self.all_runs()))

    @property
    def memory_bytes(self) -> int:
        """Memory of identities, filters and fences."""
        runs = sum(run.bytes_in_memory for run in self.all_runs())
        return IDENTITY_BYTES * len(self.recent) + runs

    @property
    def is_within_limits(self) -> bool:
        """Whether neither memory nor all of it has more identities than allowed."""
        limits = self._limits
        return len(self) <= limits.identities and len(self.recent) <= limits.without_disk

    def all_runs(self) -> Sequence[IdentityRun]:
        """The runs on local disk and the sidecars."""
        return [*self._runs, *self.sidecars.values()]

    def find(self, wanted: Digests) -> Found:
        """Which of these digests (ascending) are present.

        Raises:
            DamagedRun: a run cannot be read.
        """
        found = self.recent.find(wanted)
        for run in self.all_runs():
            found.update(run.find(wanted))
        return found

    def add(self, identities: Identities) -> bool:
        """Add identities, in any order; return whether those in memory became a run."""
        self.recent.add(identities)
        if len(self.recent) < self._spill_at:
            return False
        run = self._local.write(self.recent.merged())
        if run is None:
            self._spill_at = len(self.recent) + self._limits.in_memory
            return False
        self._runs.append(run)
        self.recent.clear()
        self._spill_at = self._limits.in_memory
        return True

    def absorb(self, other: "_Contents") -> None:
        """Take over what another has."""
        self.recent.add(other.recent.merged())
        self._runs += other._runs
        self.sidecars |= other.sidecars

    def keep(self, covered: Collection[int], dropped: Hours) -> None:
        """Keep the hours that are still covered: drop others in memory, and runs without any."""
        self.recent.drop(dropped)
        for run in [run for run in self._runs if run.hours.isdisjoint(covered)]:
            self._runs.remove(run)
            self._local.close(run)
        for path in [path for path, run in self.sidecars.items() if run.hours.isdisjoint(covered)]:
            self._local.close(self.sidecars.pop(path))

    def close(self) -> None:
        """Drop everything."""
        for run in self.all_runs():
            self._local.close(run)
        self.recent.clear()
        self.sidecars.clear()
        self._runs.clear()
