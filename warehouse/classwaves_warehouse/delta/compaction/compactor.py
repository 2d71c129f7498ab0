"""Rewriting groups of small files as one file each, in one commit a group.

A commit replaces files, so it must not go through if another writer replaced one of them meanwhile:
rows would be doubled, or deleted rows would return. delta-rs does not see that: a swap of files
that a compaction has already swapped succeeds from an older handle. So a commit goes through only
if the table is at exactly the version at which the files were looked at (`max_commit_retries=0`).
It also carries `Transaction("upkeep", n + 1)`, by which other writers that remove files notice it.

Whether a commit landed is decided by reading the log, never by the class of an error.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.transaction import AddAction, RemoveAction

from classwaves_runtime.clock import Clock
from classwaves_runtime.failpoints import FailPoint
from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.tables import (
    DASHBOARD_METRICS_HOURLY,
    ROLLUP_FACTS_HOURLY,
    ROLLUP_RUNS,
    SESSION_EVENTS,
    Table,
)
from classwaves_warehouse.batch import TIMELINE
from classwaves_warehouse.delta.compaction.data_file import write_file
from classwaves_warehouse.delta.compaction.file_groups import (
    CompactionPolicy,
    DataFile,
    plan_groups,
)
from classwaves_warehouse.delta.compaction.file_periods import plan_periods
from classwaves_warehouse.delta.compaction.sidecars import SidecarUpkeep
from classwaves_warehouse.delta.dataset import DeltaDataset, active_files, filesystem_for
from classwaves_warehouse.delta.log import TOKEN, Entry, LogTail
from classwaves_warehouse.delta.tables import statistics_columns
from classwaves_warehouse.delta.writer import WITHOUT_CLEANUP
from classwaves_warehouse.errors import WarehouseRefused, WarehouseUnavailable

log = logging.getLogger(__name__)

UPKEEP: Final = "upkeep"
"""The app id that every commit carries that removes files of a table, with the next version."""

_CHOSEN = FailPoint("upkeep-chosen")
_WRITTEN = FailPoint("upkeep-written")
_CHECKED = FailPoint("upkeep-checked")
_COMMITTED = FailPoint("upkeep-committed")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What one group became.

    Args:
        rows: of the new file.
        bytes: of the new file.
    """

    rows: int
    bytes: int


class Compactor:
    """Compacts one table.

    Args:
        handle: of the table; used by nothing else.
        table: its contract.
        policy: limits.
        retry: of each commit.
        clock: gives the age of files.
    """

    def __init__(
        self,
        handle: DeltaTable,
        table: Table,
        policy: CompactionPolicy,
        retry: RetryPolicy,
        clock: Clock,
    ) -> None:
        self._handle = handle
        self._layout = _LAYOUTS[table]
        self._policy = policy
        self._retry = retry
        self._clock = clock
        self._tail = LogTail(handle)
        self._gone: set[str] = set()  # files that commits since the plan removed
        self._sidecars = SidecarUpkeep(handle, clock) if table is SESSION_EVENTS else None

    def plan(self) -> Sequence[Sequence[DataFile]]:
        """The groups to rewrite, of the latest version; all of them, whatever the limit of a pass.

        Raises:
            WarehouseUnavailable: the table cannot be read now.
        """
        try:
            self._refresh()
            self._gone.clear()
            if self._handle.metadata().partition_columns:
                return []  # no table of ours has partitions
            files = _data_files(self._handle, self._layout.time_column)
        except Exception as error:
            raise WarehouseUnavailable(
                f"{self._handle.table_uri} cannot be read: {error}"
            ) from error
        return self._layout.plan(files, self._clock.now(), self._policy)

    def keep_sidecars(self) -> None:
        """Write some sidecars that large recent files lack, and remove those that are of no use.

        Raises:
            OSError: the table cannot be read or written now.
        """
        if self._sidecars is not None:
            self._sidecars.run_once(_data_files(self._handle, self._layout.time_column))

    def live_files(self) -> int:
        """The number of live files when the table was last read."""
        return int(self._handle.get_add_actions().num_rows)

    def rewrite(self, group: Sequence[DataFile]) -> Rewritten | None:
        """Replace the files of a planned group by one; None if the group is lost.

        It is lost if another writer has removed files since the plan. The table is unchanged then.

        Raises:
            WarehouseUnavailable: whether the files were replaced is unknown.
            WarehouseRefused: the rows cannot be rewritten.
        """
        number = self._number
        _CHOSEN.hit()
        try:
            added = self._write(group)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise WarehouseUnavailable(
                f"{self._handle.table_uri}: files were not rewritten: {error}"
            ) from error
        except ValueError as error:
            raise WarehouseRefused(
                f"{self._handle.table_uri}: files with rows that do not fit the table were not "
                f"rewritten: {error}"
            ) from error
        _WRITTEN.hit()
        swap = _Swap({file.path: file.size for file in group}, added, number, uuid4().hex)
        try:
            landed = self._retry.run(lambda _attempt: self._swap(swap))
        except Exception as error:
            landed = self._has_landed(swap, error)
            if not landed:
                log.warning(
                    "%s: %d files were not replaced after %s attempts. The next pass tries again. "
                    "The last error: %s",
                    self._handle.table_uri,
                    len(group),
                    self._retry.attempts,
                    error,
                )
        return Rewritten(_rows_of(added), added.size) if landed else None

    @property
    def _number(self) -> int:
        return self._tail.transactions.get(UPKEEP, 0)

    def _swap(self, swap: "_Swap") -> bool:
        """One attempt: look, and commit if the files may be replaced; whether they are."""
        self._look(swap)
        if swap.landed:
            return True
        if self._number != swap.number or not self._gone.isdisjoint(swap.removed):
            if not swap.tried:
                filesystem_for(self._handle).delete_file(swap.added.path)
            return False
        _CHECKED.hit()
        swap.tried = True
        self._handle.create_write_transaction(
            [swap.added, *(_remove(path, size) for path, size in swap.removed.items())],
            mode="append",
            schema=self._handle.schema(),
            post_commithook_properties=WITHOUT_CLEANUP,
            commit_properties=CommitProperties(
                custom_metadata={TOKEN: swap.token, "upkeep": "compaction"},
                max_commit_retries=0,
                app_transactions=[Transaction(UPKEEP, swap.number + 1)],
            ),
        )
        _COMMITTED.hit()
        self._look(swap)
        return swap.landed

    def _has_landed(self, swap: "_Swap", cause: Exception) -> bool:
        try:
            self._look(swap)
        except Exception:
            raise WarehouseUnavailable(
                f"{self._handle.table_uri}: whether files were replaced is unknown: {cause}"
            ) from cause
        return swap.landed

    def _look(self, swap: "_Swap") -> None:
        """Read the log up to the latest version, and record whether the swap is in it."""
        entries = self._refresh()
        swap.landed |= any(entry.token == swap.token for entry in entries or ())
        if entries is None:
            # Entries were cleaned up before they were read; then the live files tell.
            live = set(active_files(self._handle)["path"].to_pylist())
            swap.landed |= swap.added.path in live
            self._gone.update(swap.removed.keys() - live)

    def _refresh(self) -> Sequence[Entry] | None:
        """Read the log up to the latest version; see `LogTail.catch_up`."""
        self._handle.update_incremental()
        entries = self._tail.catch_up()
        self._gone.update(path for entry in entries or () for path in entry.removed)
        return entries

    def _write(self, group: Sequence[DataFile]) -> AddAction:
        schema = pa.schema(self._handle.schema().to_arrow())
        rows = DeltaDataset.of(self._handle, schema).only({file.path: {} for file in group})
        added = write_file(rows, schema, self._layout.order, statistics_columns(self._handle))
        if self._sidecars is not None:
            known = [file.last for file in group if file.last is not None]
            last = max(known) if len(known) == len(group) else None
            self._sidecars.write(added.path, _rows_of(added), last)
        return added


@dataclass(slots=True)
class _Swap:
    """The replacement of some files by one.

    Args:
        removed: sizes of the files by path.
        added: the new file.
        number: of the last upkeep commit when the files were chosen.
        token: by which the commit is recognized.
        tried: whether a commit was tried. Then the new file may be in the log and is not deleted;
            vacuum deletes it if it is not.
        landed: whether the log has the commit.
    """

    removed: Mapping[str, int]
    added: AddAction
    number: int
    token: str
    tried: bool = False
    landed: bool = False


def _remove(path: str, size: int) -> RemoveAction:
    """The action that removes a file. delta-rs escapes the path, as the log has it."""
    return RemoveAction(path, False, int(time.time() * 1000), size, {})


def _rows_of(added: AddAction) -> int:
    rows: int = json.loads(added.stats)["numRecords"]
    return rows


@dataclass(frozen=True, slots=True)
class _Layout:
    """How the rows of a table lie in its files.

    Args:
        time_column: of which files have ranges.
        order: columns by which the rows of a file are sorted.
        plan: chooses the files to rewrite.
    """

    time_column: str
    order: Sequence[str]
    plan: Callable[
        [Sequence[DataFile], datetime, CompactionPolicy], Sequence[Sequence[DataFile]]
    ] = plan_groups


_LAYOUTS: Final[Mapping[Table, _Layout]] = {
    SESSION_EVENTS: _Layout("event_time", ("session_id", *TIMELINE)),
    DASHBOARD_METRICS_HOURLY: _Layout("metric_hour", ("school_id", "metric_hour"), plan_periods),
    ROLLUP_FACTS_HOURLY: _Layout("metric_hour", ("school_id", "metric_hour"), plan_periods),
    ROLLUP_RUNS: _Layout("metric_hour", ("metric_hour", "run_id")),
}


def _data_files(handle: DeltaTable, time_column: str) -> Sequence[DataFile]:
    files = active_files(handle)
    unknown = pa.nulls(len(files))
    first, last, rows = (
        files[name] if name in files.column_names else unknown
        for name in (f"min.{time_column}", f"max.{time_column}", "num_records")
    )
    written = files["modification_time"].cast(pa.timestamp("us", tz="UTC"))
    columns = (files["path"], files["size_bytes"], rows, first, last, written)
    return [
        DataFile(path, size, number or 0, low, high, at)
        for path, size, number, low, high, at in zip(
            *(column.to_pylist() for column in columns), strict=True
        )
    ]
