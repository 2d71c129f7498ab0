"""The declared tables. Sources belong to the backend: they are read if present, never changed."""

from classwaves_schemas.tables.dashboard_metrics_hourly import DASHBOARD_METRICS_HOURLY
from classwaves_schemas.tables.ingestor_positions import INGESTOR_POSITIONS
from classwaves_schemas.tables.metrics import EDUCATIONAL_METRICS, GROUP_METRICS, SESSION_METRICS
from classwaves_schemas.tables.operations import API_METRICS, SYSTEM_EVENTS
from classwaves_schemas.tables.rollup import ROLLUP_FACTS_HOURLY, ROLLUP_RUNS
from classwaves_schemas.tables.session_events import SESSION_EVENTS
from classwaves_schemas.tables.sessions import CLASSROOM_SESSIONS, STUDENT_GROUPS
from classwaves_schemas.tables.sources import SOURCES
from classwaves_schemas.tables.table import Column, ColumnType, Table

__all__ = [
    "API_METRICS",
    "CLASSROOM_SESSIONS",
    "DASHBOARD_METRICS_HOURLY",
    "DATABRICKS_TABLES",
    "EDUCATIONAL_METRICS",
    "GROUP_METRICS",
    "INGESTOR_POSITIONS",
    "ROLLUP_FACTS_HOURLY",
    "ROLLUP_RUNS",
    "SESSION_EVENTS",
    "SESSION_METRICS",
    "SOURCES",
    "STUDENT_GROUPS",
    "SYSTEM_EVENTS",
    "TABLES",
    "Column",
    "ColumnType",
    "Table",
]

TABLES = (SESSION_EVENTS, DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS)
"""The tables of every warehouse."""

DATABRICKS_TABLES = (*TABLES, INGESTOR_POSITIONS)
"""The tables on Databricks, which has no transactions in its log to store positions in."""
