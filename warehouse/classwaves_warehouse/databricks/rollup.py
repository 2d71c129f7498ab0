"""The rollup's reads and writes at a SQL warehouse."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.tables import INGESTOR_POSITIONS, ROLLUP_RUNS, Table
from classwaves_warehouse.checkpoint import Checkpoint, ingested_through
from classwaves_warehouse.databricks import statements
from classwaves_warehouse.databricks.retry import retry_after_cold_start
from classwaves_warehouse.databricks.session import Session, Value
from classwaves_warehouse.databricks.snapshot import (
    DatabricksSnapshot,
    referenced_parameters,
    run_diff,
)
from classwaves_warehouse.errors import (
    ConcurrentWrite,
    ReplacedTooLate,
    TableMissing,
    WarehouseUnavailable,
)
from classwaves_warehouse.reading import Parameters, Snapshot
from classwaves_warehouse.rollup_rows import hour_of, run_rows

_OPERATIONS_WITHOUT_CHANGES: Final = re.compile(
    r"OPTIMIZE|VACUUM|ANALYZE|REORG|CLUSTER|TBLPROPERTIES|ADD COLUMNS|CHANGE COLUMN|PROTOCOL"
)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


class DatabricksRollupStore:
    """The `RollupStore` of a catalog. Every method waits for a starting warehouse.

    Args:
        session: used by this store alone, without a schema.
        catalog: of the tables.
        retry: of each call.
    """

    def __init__(self, session: Session, catalog: str, retry: RetryPolicy) -> None:
        self._session = session
        self._catalog = f"`{catalog}`"
        self._retry = retry

    @contextmanager
    def snapshot(self, tables: Sequence[Table]) -> Iterator[DatabricksSnapshot]:
        """The latest version of each table, readable while the context lasts."""
        yield DatabricksSnapshot.latest(self._session, self._retry, self._catalog, tables)

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """Columns of the rows that were added, changed or removed since a version of a table."""
        statement = statements.diff_versions(self._qualified(table), since, None, columns)
        return run_diff(self._session, self._retry, statement, table, since)

    def replace(
        self, table: Table, hour: datetime, sql: str, parameters: Parameters, read: Snapshot
    ) -> int:
        """Replace a table's rows of an hour by the rows of a query, in one commit.

        The statement itself compares the hour with the snapshot just before it writes. A write in
        between is found in the table's history afterwards; the hour has then been replaced, and
        must be computed again.
        """
        if not isinstance(read, DatabricksSnapshot):
            raise TypeError(f"{read!r} is no snapshot of this warehouse")
        version = read.versions.get(table.qualified_name)
        if version is None:
            raise TableMissing(
                f"{table.qualified_name} does not exist. Run `ingestor tables migrate`."
            )
        name = self._qualified(table)
        statement = statements.replace_hour(table, name, version, hour, read.qualify_tables(sql))
        values = referenced_parameters(sql, parameters)

        def step(_attempt: int) -> None:
            try:
                self._session.run(statement, values)
            except WarehouseUnavailable as error:
                # If the comparison failed, Spark reports only a failed task. The statement may
                # also have been executed.
                if self._count(statements.count_changed_rows(name, version, hour)):
                    raise _replaced_too_late(table, hour) from error
                raise

        retry_after_cold_start(self._retry, step)
        if self._commits_that_wrote(table, hour, version) > 1:
            raise _replaced_too_late(table, hour)
        return self._count(statements.count_rows(name, hour))

    def upsert_run(self, row: Mapping[str, object], expected_run: str | None) -> None:
        """Write an hour's row of rollup_runs if the stored run is the expected one."""
        hour, name = hour_of(row), self._qualified(ROLLUP_RUNS)
        run: dict[str, Any] = run_rows(row).to_pylist()[0]
        merged = self._run(statements.upsert_run(name, hour), {**run, "expected_run": expected_run})
        if int(merged["num_affected_rows"][0].as_py()):
            return
        # An earlier attempt whose reply was lost may have landed.
        stored = self._run(statements.select_hour(name, hour))
        if stored.num_rows != 1 or run_rows(stored.to_pylist()[0]).to_pylist() != [run]:
            raise ConcurrentWrite(
                f"{ROLLUP_RUNS.qualified_name}: the run of {hour.isoformat()} is not"
                f" {expected_run}."
            )

    def ingested_through(self, group: str, topic: str) -> Mapping[int, datetime | None]:
        """By partition, the broker time through which it is ingested."""
        statement = statements.ingested_through(self._qualified(INGESTOR_POSITIONS))
        checkpoints: dict[str, dict[int, Checkpoint]] = {}
        for row in self._run(statement, {"consumer_group": group, "topic": topic}).to_pylist():
            until = row["stored_until"] and round(
                row["stored_until"].astimezone(UTC).timestamp() * 1000
            )
            checkpoints.setdefault(row["topic_id"], {})[row["kafka_partition"]] = Checkpoint(
                position=0, first_offset=0, ingested_through_ms=until
            )
        return ingested_through(checkpoints.values())

    def _commits_that_wrote(self, table: Table, hour: datetime, since: int) -> int:
        """Number of commits after a version that may have written an hour."""
        history = self._run(f"DESCRIBE HISTORY {self._qualified(table)} LIMIT 100").to_pylist()
        return sum(may_have_written(entry, hour) for entry in history if entry["version"] > since)

    def _qualified(self, table: Table) -> str:
        return f"{self._catalog}.{table.qualified_name}"

    def _count(self, statement: str) -> int:
        """The number in the only column of a statement's only row."""
        return int(self._run(statement)[0][0].as_py())

    def _run(self, statement: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        return retry_after_cold_start(
            self._retry, lambda _attempt: self._session.run(statement, parameters)
        )


def may_have_written(entry: Mapping[str, Any], hour: datetime) -> bool:
    """Whether a commit may have written rows of an hour.

    Args:
        entry: a row of DESCRIBE HISTORY.
        hour: its start.
    """
    if _OPERATIONS_WITHOUT_CHANGES.search(entry["operation"]):
        return False
    hours = _TIME.findall(dict(entry["operationParameters"]).get("predicate") or "")
    return not hours or statements.sql_time(hour) in hours


def _replaced_too_late(table: Table, hour: datetime) -> ReplacedTooLate:
    return ReplacedTooLate(
        f"{table.qualified_name}: another run wrote {hour.isoformat()} at the same time."
    )
