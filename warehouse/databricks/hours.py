"""The rollup's reading and writing at a SQL warehouse, a statement each."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from classwaves_schemas.tables import INGESTOR_POSITIONS, ROLLUP_RUNS, Table
from warehouse.checkpoint import Checkpoint, stored_until
from warehouse.databricks.patience import Patience
from warehouse.databricks.session import Session, Value
from warehouse.databricks.snapshot import DatabricksSnapshot, used
from warehouse.errors import ConcurrentWrite, TableMissing
from warehouse.hours import Parameters, Snapshot
from warehouse.run_row import as_rows, hour_of

_CHANGED: Final = """
WITH now AS (SELECT {columns}, to_json(struct(*)) AS whole, _metadata.file_path AS file FROM {now}),
then AS (SELECT {columns}, to_json(struct(*)) AS whole, _metadata.file_path AS file FROM {then}),
came AS (SELECT * EXCEPT (file) FROM now LEFT ANTI JOIN (SELECT DISTINCT file FROM then) AS known USING (file)),
gone AS (SELECT * EXCEPT (file) FROM then LEFT ANTI JOIN (SELECT DISTINCT file FROM now) AS known USING (file))
SELECT {columns} FROM (SELECT * FROM came EXCEPT ALL SELECT * FROM gone)
UNION ALL
SELECT {columns} FROM (SELECT * FROM gone EXCEPT ALL SELECT * FROM came)
"""
"""What was only put together in other files came and went, and so is neither."""


class DatabricksHours:
    """The `Hours` of a catalog. A warehouse that is starting is waited for.

    Arguments:
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
        found = {table: version for table in tables if (version := self._version(table)) is not None}
        places = {table.name: f"{self._place(table)} VERSION AS OF {version}" for table, version in found.items()}
        versions = {table.qualified_name: version for table, version in found.items()}
        yield DatabricksSnapshot(self._session, self._patience, places, versions)

    def added(self, table: Table, since: int, columns: Sequence[str]) -> pa.Table:
        """Rows that came, changed or went since a version of a table."""
        listed = ", ".join(columns)
        text = _CHANGED.format(
            columns=listed, now=self._place(table), then=f"{self._place(table)} VERSION AS OF {since}"
        )
        return self._run(text)

    def replace(self, table: Table, hour: datetime, sql: str, parameters: Parameters, read: Snapshot) -> int:
        """Put what a query of a snapshot gives in the place of a table's rows of an hour, in one commit."""
        if not isinstance(read, DatabricksSnapshot):
            raise TypeError(f"{read!r} is no snapshot of this warehouse")
        if table.qualified_name not in read.versions:
            raise TableMissing(f"{table.qualified_name} does not exist. Run `ingestor tables migrate`.")
        text = (
            f"INSERT INTO {self._place(table)} REPLACE WHERE {_during(hour)}\n"
            f"SELECT {', '.join(table.column_names)} FROM (\n{read.placed(sql)}\n)"
        )
        self._run(text, used(sql, parameters))
        count = self._run(f"SELECT COUNT(*) AS stored_rows FROM {self._place(table)} WHERE {_during(hour)}")  # noqa: S608
        return int(count["stored_rows"][0].as_py())

    def upsert_run(self, row: Mapping[str, object], expected_run: str | None) -> None:
        """Write an hour's row of rollup_runs in place of the one it has."""
        hour = hour_of(row)
        given: dict[str, Any] = as_rows(row).to_pylist()[0]
        values = ", ".join(f"CAST(:{column.name} AS {column.type}) AS {column.name}" for column in ROLLUP_RUNS.columns)
        changed = self._run(
            f"MERGE INTO {self._place(ROLLUP_RUNS)} held USING (SELECT {values}) given\n"  # our names
            f"ON held.metric_hour = given.metric_hour AND held.{_during(hour)}\n"
            "WHEN MATCHED AND held.run_id = :expected_run THEN UPDATE SET *\n"
            "WHEN NOT MATCHED AND CAST(:expected_run AS STRING) IS NULL THEN INSERT *",
            {**given, "expected_run": expected_run},
        )
        if int(changed["num_affected_rows"][0].as_py()) == 0:
            raise ConcurrentWrite(f"{ROLLUP_RUNS.qualified_name}: {hour.isoformat()} is not with run {expected_run}.")

    def stored_until(self, group: str, topic: str) -> Mapping[int, datetime | None]:
        """By partition, the broker time up to which it is stored."""
        rows = self._run(
            "SELECT topic_id, kafka_partition, stored_until "  # noqa: S608  # our name
            f"FROM {self._place(INGESTOR_POSITIONS)} WHERE consumer_group = :consumer_group AND topic = :topic",
            {"consumer_group": group, "topic": topic},
        ).to_pylist()
        found: dict[str, dict[int, Checkpoint]] = {}
        for row in rows:
            if row["kafka_partition"] is not None:
                until = row["stored_until"] and round(row["stored_until"].astimezone(UTC).timestamp() * 1000)
                held = Checkpoint(position=0, first_offset=0, stored_until_ms=until)
                found.setdefault(row["topic_id"], {})[row["kafka_partition"]] = held
        return stored_until(found.values())

    def maintain(self, tables: Sequence[Table]) -> None:
        """Compact tables that have a metric_hour, clustered by (school_id, metric_hour) where they have both."""
        for table in tables:
            order = " ZORDER BY (school_id, metric_hour)" if "school_id" in table.column_names else ""
            self._run(f"OPTIMIZE {self._place(table)}{order}")

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


def _during(hour: datetime) -> str:
    return f"metric_hour = TIMESTAMP '{hour.astimezone(UTC):%Y-%m-%d %H:%M:%S}+00:00'"
