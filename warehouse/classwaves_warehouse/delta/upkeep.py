"""Upkeep of the Delta tables below a root: compaction, checkpoints, log cleanup and vacuum."""

from collections.abc import Sequence

from classwaves_runtime.clock import Clock
from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.tables import TABLES, Table
from classwaves_warehouse.delta.compaction import Compactor
from classwaves_warehouse.delta.file_groups import CompactionPolicy
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.errors import TableMissing
from classwaves_warehouse.interface import TableUpkeep


class DeltaUpkeep:
    """The `Upkeep` below a root.

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
        self._compactors: dict[Table, Compactor] = {}

    def run_once(self) -> Sequence[TableUpkeep]:
        """Do one bounded pass over the tables that exist."""
        reports = []
        for table in TABLES:
            try:
                compactor = self._compactor(table)
            except TableMissing:
                continue
            reports.append(self._compact(table, compactor))
        return reports

    def _compactor(self, table: Table) -> Compactor:
        if table not in self._compactors:
            self._compactors[table] = Compactor(
                self._root.open(table), table, self._policy, self._retry, self._clock
            )
        return self._compactors[table]

    def _compact(self, table: Table, compactor: Compactor) -> TableUpkeep:
        groups = compactor.plan()
        before = compactor.live_files()
        found = [compactor.rewrite(group) for group in groups[: self._policy.max_groups]]
        rewritten = [each for each in found if each is not None]
        return TableUpkeep(
            table=table.qualified_name,
            files_before=before,
            files_after=compactor.live_files(),
            groups=len(rewritten),
            rows=sum(each.rows for each in rewritten),
            bytes=sum(each.bytes for each in rewritten),
            lost=len(found) - len(rewritten),
            unfinished=len(groups) > self._policy.max_groups,
        )
