"""Upkeep of a catalog's tables, by statements that the SQL warehouse runs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, DATABRICKS_TABLES, Table
from classwaves_warehouse.databricks import statements
from classwaves_warehouse.databricks.retry import retry_after_cold_start
from classwaves_warehouse.databricks.session import Session
from classwaves_warehouse.errors import TableMissing
from classwaves_warehouse.interface import TableUpkeep


class DatabricksUpkeep:
    """The `Upkeep` of a catalog. It waits for a starting warehouse.

    Databricks retries a compaction that conflicts, and cleans its log by itself.

    Args:
        session: used by this upkeep alone, without a schema.
        catalog: of the tables.
        retry: of each call.
    """

    def __init__(self, session: Session, catalog: str, retry: RetryPolicy) -> None:
        self._session = session
        self._catalog = f"`{catalog}`"
        self._retry = retry

    def run_once(self) -> Sequence[TableUpkeep]:
        """Compact and vacuum every table that exists."""
        reports = []
        for table in DATABRICKS_TABLES:
            try:
                reports.append(self._upkeep(table))
            except TableMissing:
                continue
        return reports

    def _upkeep(self, table: Table) -> TableUpkeep:
        name = f"{self._catalog}.{table.qualified_name}"
        order = ("school_id", "metric_hour") if table is DASHBOARD_METRICS_HOURLY else ()
        metrics = _metrics(self._run(statements.optimize(name, order)))
        self._run(statements.vacuum(name))
        return TableUpkeep(
            table=table.qualified_name,
            groups=int(metrics["numFilesAdded"]),
            bytes=int(metrics["filesAdded"]["totalSize"]),
        )

    def _run(self, statement: str) -> pa.Table:
        return retry_after_cold_start(self._retry, lambda _attempt: self._session.run(statement))


def _metrics(answer: pa.Table) -> Mapping[str, Any]:
    """The metrics of OPTIMIZE, which some connectors give as a text."""
    metrics: Any = answer["metrics"][0].as_py()
    found: Mapping[str, Any] = json.loads(metrics) if isinstance(metrics, str) else metrics
    return found
