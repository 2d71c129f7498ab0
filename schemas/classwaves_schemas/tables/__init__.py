"""The tables. A source is somebody else's: it is read where it is there, and never made or changed by us."""

from classwaves_schemas.tables.dashboard_metrics_hourly import DASHBOARD_METRICS_HOURLY
from classwaves_schemas.tables.ingestor_positions import INGESTOR_POSITIONS
from classwaves_schemas.tables.rollup import ROLLUP_FACTS_HOURLY, ROLLUP_RUNS
from classwaves_schemas.tables.session_events import SESSION_EVENTS
from classwaves_schemas.tables.table import Column, ColumnType, Table

__all__ = [
    "DASHBOARD_METRICS_HOURLY",
    "DATABRICKS_TABLES",
    "INGESTOR_POSITIONS",
    "ROLLUP_FACTS_HOURLY",
    "ROLLUP_RUNS",
    "SESSION_EVENTS",
    "TABLES",
    "Column",
    "ColumnType",
    "Table",
]

TABLES = (SESSION_EVENTS, DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS)
"""The tables of every warehouse."""

DATABRICKS_TABLES = (*TABLES, INGESTOR_POSITIONS)
"""Those of a warehouse of statements, which has no transactions in its log to keep positions in."""
