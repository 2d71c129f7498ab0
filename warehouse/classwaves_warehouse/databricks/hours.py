"""The rollup's reading and writing at a SQL warehouse, a statement each."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from classwaves_schemas.tables import INGESTOR_POSITIONS, ROLLUP_RUNS, Table
from classwaves_warehouse.checkpoint import Checkpoint, stored_until
from classwaves_warehouse.databricks import hour_statements as statements
from classwaves_warehouse.databricks.history import wrote
from classwaves_warehouse.databricks.patience import Patience
from classwaves_warehouse.databricks.session import Session, Value
from classwaves_warehouse.databricks.snapshot import DatabricksSnapshot, used
from classwaves_warehouse.errors import (
    ConcurrentWrite,
    ReplacedTooLate,
    TableMissing,
    VersionGone,
    WarehouseError,
    WarehouseUnavailable,
)
from classwaves_warehouse.hours import Parameters, Snapshot
from classwaves_warehouse.run_row import as_rows, hour_of

_GONE: Final = re.compile(
    r"DELTA_VERSION_NOT_FOUND|Cannot time travel|DELTA_TRUNCATED_TRANSACTION_LOG|DELTA_LOG_FILE_NOT_FOUND"
    r"|FILE_NOT_EXIST|FILE_NOT_FOUND|FileNotFound"
    # What Spark tells of a join one side of which it could not read, and not why. Taken wrongly it costs a look more.
    r"|Exception thrown in awaitResult",
)


class DatabricksHours:
    """The `Hours` of a catalog. A warehouse that is starting is waited for.

    Args:
        session: for these alone, without a schema.
        catalog: where the tables are.
        patience: how long a call goes on trying.
    """

    def __init__(self, session: Session, catalog: str, patience: Patience) -> None:
        self._session = session
        self._catalog = f"`{catalog}`"
        self._patience = patience

    @contextmanager
    def snapshot(self, tables: Sequence[Table]) -> Iterator[DatabricksSnapshot]:
        """The latest version of each table, all to be read while the context lasts."""
        found = {
            table: version for table in tables if (version := self._version(table)) is not None
        }
        places = {
            table.name: f"{self._place(table)} VERSION AS OF {version}"
            for table, version in found.items()
        }
        versions = {table.qualified_name: version for table, version in found.items()}
        yield DatabricksSnapshot(self._session, self._patience, places, versions)

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """Rows that came, changed or went since a version of a table."""

        def step(_attempt: int) -> pa.Table:
            try:
                return self._session.run(statements.changed(self._place(table), since, columns))
            except WarehouseError as error:
                if _GONE.search(str(error)):
                    raise VersionGone(
                        f"{table.qualified_name}: version {since} can be read no longer."
                    ) from error
                raise

        return self._patience.wait(step)

    def replace(
        self, table: Table, hour: datetime, sql: str, parameters: Parameters, read: Snapshot
    ) -> int:
        """Put what a query of a snapshot gives in the place of a table's rows of an hour, in one commit.

        The statement looks itself whether the hour is as the snapshot had it, a moment before it writes. Who came in
        that moment is found in the table's history; then the hour has been replaced, and has to be redone all the same.
        """
        if not isinstance(read, DatabricksSnapshot):
            raise TypeError(f"{read!r} is no snapshot of this warehouse")
        version = read.versions.get(table.qualified_name)
        if version is None:
            raise TableMissing(
                f"{table.qualified_name} does not exist. Run `ingestor tables migrate`."
            )
        text = statements.replace_hour(table, self._place(table), version, hour, read.placed(sql))
        values = used(sql, parameters)

        def step(_attempt: int) -> None:
            try:
                self._session.run(text, values)
            except WarehouseUnavailable as error:
                # Of a refusal Spark tells that a task failed, and not why. It may have been done all the same.
                moved = self._run(statements.moved(self._place(table), version, hour))["moved"][
                    0
                ].as_py()
                if moved:
                    raise _overtaken(table, hour) from error
                raise

        self._patience.wait(step)
        if self._writers(table, hour, version) > 1:
            raise _overtaken(table, hour)
        held = f"SELECT COUNT(*) AS held FROM {self._place(table)} WHERE {statements.during(hour)}"  # noqa: S608
        return int(self._run(held)["held"][0].as_py())

    def upsert_run(self, row: Mapping[str, object], expected_run: str | None) -> None:
        """Write an hour's row of rollup_runs in place of the one it has."""
        hour, place = hour_of(row), self._place(ROLLUP_RUNS)
        given: dict[str, Any] = as_rows(row).to_pylist()[0]
        merged = self._run(
            statements.upsert_run(place, hour), {**given, "expected_run": expected_run}
        )
        if int(merged["num_affected_rows"][0].as_py()):
            return
        # An earlier attempt may have landed whose answer was lost.
        held = self._run(f"SELECT * FROM {place} WHERE {statements.during(hour)}")  # noqa: S608  # our names
        if held.num_rows != 1 or as_rows(held.to_pylist()[0]).to_pylist() != [given]:
            raise ConcurrentWrite(
                f"{ROLLUP_RUNS.qualified_name}: {hour.isoformat()} is not with run {expected_run}."
            )

    def stored_until(self, group: str, topic: str) -> Mapping[int, datetime | None]:
        """By partition, the broker time up to which it is stored."""
        text = statements.stored_until(self._place(INGESTOR_POSITIONS))
        found: dict[str, dict[int, Checkpoint]] = {}
        for row in self._run(text, {"consumer_group": group, "topic": topic}).to_pylist():
            until = row["stored_until"] and round(
                row["stored_until"].astimezone(UTC).timestamp() * 1000
            )
            held = Checkpoint(position=0, first_offset=0, stored_until_ms=until)
            found.setdefault(row["topic_id"], {})[row["kafka_partition"]] = held
        return stored_until(found.values())

    def maintain(self, tables: Sequence[Table]) -> None:
        """Compact tables that have a metric_hour, clustered by (school_id, metric_hour) where they have both."""
        for table in tables:
            order = (
                " ZORDER BY (school_id, metric_hour)" if "school_id" in table.column_names else ""
            )
            self._run(f"OPTIMIZE {self._place(table)}{order}")

    def _writers(self, table: Table, hour: datetime, since: int) -> int:
        """How many commits may have written an hour since a version."""
        history = self._run(f"DESCRIBE HISTORY {self._place(table)} LIMIT 100").to_pylist()
        return sum(
            wrote(entry, statements.text(hour)) for entry in history if entry["version"] > since
        )

    def _version(self, table: Table) -> int | None:
        try:
            last = self._run(f"DESCRIBE HISTORY {self._place(table)} LIMIT 1")
        except TableMissing:
            return None
        return int(last["version"][0].as_py())

    def _place(self, table: Table) -> str:
        return f"{self._catalog}.{table.qualified_name}"

    def _run(self, text: str, parameters: Mapping[str, Value] | None = None) -> pa.Table:
        return self._patience.wait(lambda _attempt: self._session.run(text, parameters))


def _overtaken(table: Table, hour: datetime) -> ReplacedTooLate:
    return ReplacedTooLate(
        f"{table.qualified_name}: somebody else wrote {hour.isoformat()} meanwhile."
    )
