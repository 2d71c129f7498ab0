"""Upkeep of the Delta tables below a root: compaction, checkpoints, log cleanup and vacuum."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from deltalake import DeltaTable

from classwaves_runtime.clock import Clock
from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.tables import TABLES, Table
from classwaves_warehouse.delta.compaction.compactor import Compactor
from classwaves_warehouse.delta.compaction.file_groups import CompactionPolicy
from classwaves_warehouse.delta.retention import checkpoint_long_tail, clean_log, vacuum
from classwaves_warehouse.delta.tables import Root, set_retention
from classwaves_warehouse.errors import TableMissing, WarehouseError, WarehouseUnavailable
from classwaves_warehouse.interface import TableUpkeep

CLEANUP_SECONDS: Final = 3600.0
"""Pause between two cleanups of one table: each lists all files of the table."""


class DeltaUpkeep:
    """The `Upkeep` below a root. The first pass cleans up, later ones once an hour.

    Args:
        root: of the tables.
        policy: limits of compaction.
        retry: of each commit.
        clock: gives the age of files, and the time of the last cleanup.
    """

    def __init__(
        self, root: Root, policy: CompactionPolicy, retry: RetryPolicy, clock: Clock
    ) -> None:
        self._root = root
        self._policy = policy
        self._retry = retry
        self._clock = clock
        self._tables: dict[Table, _TableUpkeep] = {}

    def run_once(self) -> Sequence[TableUpkeep]:
        """Do one bounded pass over the tables that exist. An error ends it after the last table."""
        reports, errors = [], []
        for table in TABLES:
            try:
                reports.append(self._open(table).run_once())
            except TableMissing:
                continue
            except WarehouseError as error:
                self._tables.pop(table, None)
                errors.append(error)
        if errors:
            raise errors[0]
        return reports

    def _open(self, table: Table) -> "_TableUpkeep":
        if table not in self._tables:
            handle = self._root.open(table)
            compactor = Compactor(handle, table, self._policy, self._retry, self._clock)
            self._tables[table] = _TableUpkeep(table, handle, compactor, self._policy, self._clock)
        return self._tables[table]


class _TableUpkeep:
    """Upkeep of one table.

    Args:
        table: its contract.
        handle: the compactor's.
        compactor: rewrites groups of files.
        policy: limits of compaction.
        clock: gives the time of the last cleanup.
    """

    def __init__(
        self,
        table: Table,
        handle: DeltaTable,
        compactor: Compactor,
        policy: CompactionPolicy,
        clock: Clock,
    ) -> None:
        self._table = table
        self._handle = handle
        self._compactor = compactor
        self._policy = policy
        self._clock = clock
        self._cleaned_at = -CLEANUP_SECONDS

    def run_once(self) -> TableUpkeep:
        report = self._compact()
        try:
            self._compactor.keep_sidecars()
            checkpoint_long_tail(self._handle)
            if self._clock.monotonic() - self._cleaned_at < CLEANUP_SECONDS:
                return report
            set_retention(self._table, self._handle)
            cleaned = clean_log(self._handle)
            report = replace(report, log_entries=cleaned, vacuumed=vacuum(self._handle))
        except Exception as error:
            raise WarehouseUnavailable(
                f"{self._handle.table_uri} was not cleaned up: {error}"
            ) from error
        self._cleaned_at = self._clock.monotonic()
        return report

    def _compact(self) -> TableUpkeep:
        groups = self._compactor.plan()
        before = self._compactor.live_files()
        found = [self._compactor.rewrite(group) for group in groups[: self._policy.max_groups]]
        rewritten = [each for each in found if each is not None]
        return TableUpkeep(
            table=self._table.qualified_name,
            files_before=before,
            files_after=self._compactor.live_files(),
            groups=len(rewritten),
            rows=sum(each.rows for each in rewritten),
            bytes=sum(each.bytes for each in rewritten),
            lost=len(found) - len(rewritten),
            unfinished=len(groups) > self._policy.max_groups,
        )
