"""The analytics tables: the seed's columns in the seed's order, then ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ColumnType(StrEnum):
    """A column's type, as Databricks SQL calls it. Timestamps are UTC, to the microsecond."""

    STRING = "STRING"
    INT = "INT"
    BIGINT = "BIGINT"
    DOUBLE = "DOUBLE"
    TIMESTAMP = "TIMESTAMP"


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    type: ColumnType
    comment: str
    nullable: bool = True


@dataclass(frozen=True)
class Table:
    """A declared table.

    Arguments:
        schema, name: where it lies in a catalog.
        columns: in their order.
        properties: set when it is created, anywhere.
        databricks_properties: what it needs besides where Databricks runs its statements.
        partitioned_by: columns whose values keep its files, and so the conflicts of its writers, apart.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    properties: Mapping[str, str] = field(hash=False)
    databricks_properties: Mapping[str, str] = field(hash=False, default_factory=dict)
    partitioned_by: tuple[str, ...] = ()

    @property
    def qualified_name(self) -> str:
        """Schema and table; a catalog may stand before it."""
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names in their order."""
        return tuple(column.name for column in self.columns)


_STRING, _INT, _BIGINT, _DOUBLE, _TIMESTAMP = ColumnType


def _properties(comment: str) -> Mapping[str, str]:
    return {
        "delta.autoOptimize.optimizeWrite": "true",
        "delta.autoOptimize.autoCompact": "true",
        "comment": comment,
    }


# Two statements that would add the same key must conflict: exactly-once stands on it. Deletion vectors bring row-level
# concurrency, under which they need not.
_EXCLUSIVE = {"delta.isolationLevel": "Serializable", "delta.enableDeletionVectors": "false"}

SESSION_EVENTS = Table(
    schema="analytics",
    name="session_events",
    properties=_properties("Detailed timeline of session lifecycle events for analytics and debugging"),
    databricks_properties=_EXCLUSIVE,
    columns=(
        Column("id", _STRING, "Minted once, where the thing happened", nullable=False),
        Column("session_id", _STRING, "The session", nullable=False),
        Column("teacher_id", _STRING, "Who owns the session", nullable=False),
        Column("event_type", _STRING, "What happened", nullable=False),
        Column("event_time", _TIMESTAMP, "When it happened", nullable=False),
        Column("payload", _STRING, "Declared fields of the event type, as JSON"),
        Column("created_at", _TIMESTAMP, "When the row was written"),
        Column("school_id", _STRING, "The school of the session"),
        Column("source", _STRING, "Component and instance that emitted it"),
        Column("sequence", _BIGINT, "Dense from 1 per session and source"),
        Column("schema_version", _INT, "Version of the contract that the message named"),
        Column("trace_id", _STRING, "The request or socket message that caused it"),
        Column("kafka_topic_id", _STRING, "The topic it was read from, by id"),
        Column("kafka_partition", _INT, "The partition it was read from"),
        Column("kafka_offset", _BIGINT, "The offset it was read from"),
    ),
)

DASHBOARD_METRICS_HOURLY = Table(
    schema="analytics",
    name="dashboard_metrics_hourly",
    properties=_properties("Hourly dashboard metrics for 90% query performance improvement"),
    columns=(
        Column("id", _STRING, "The row", nullable=False),
        Column("school_id", _STRING, "The school", nullable=False),
        Column("metric_hour", _TIMESTAMP, "Start of the hour", nullable=False),
        Column("sessions_active", _INT, "Sessions under way in the hour"),
        Column("sessions_completed", _INT, "Sessions that ended in the hour"),
        Column("teachers_active", _INT, "Distinct teachers with a session under way"),
        Column("students_active", _INT, "Distinct pupils in sessions under way"),
        Column("total_groups", _INT, "Groups of sessions under way"),
        Column("ready_groups", _INT, "Those of them that were ready"),
        Column("avg_session_quality", _DOUBLE, "Mean session quality"),
        Column("avg_engagement_score", _DOUBLE, "Mean engagement, 0 to 100"),
        Column("avg_participation_rate", _DOUBLE, "Mean participation"),
        Column("avg_collaboration_score", _DOUBLE, "Mean collaboration"),
        Column("avg_audio_quality", _DOUBLE, "Mean audio quality"),
        Column("avg_connection_stability", _DOUBLE, "Mean connection stability"),
        Column("total_errors", _INT, "Errors in the hour"),
        Column("avg_response_time", _DOUBLE, "Mean response time in milliseconds"),
        Column("websocket_connections", _INT, "Most connections at one time"),
        Column("avg_latency_ms", _DOUBLE, "Mean latency in milliseconds"),
        Column("error_rate", _DOUBLE, "Failed requests in percent, 0 to 100"),
        Column("total_prompts_generated", _INT, "Prompts made for teachers"),
        Column("total_prompts_used", _INT, "Those of them that were used"),
        Column("total_interventions", _INT, "Interventions by teachers"),
        Column("total_alerts", _INT, "Alerts to teachers"),
        Column("ai_analyses_completed", _INT, "Analyses that were completed"),
        Column("avg_ai_processing_time", _DOUBLE, "Mean time of an analysis in milliseconds"),
        Column("ai_analysis_success_rate", _DOUBLE, "Analyses that succeeded in percent, 0 to 100"),
        Column("total_transcription_minutes", _DOUBLE, "Minutes transcribed"),
        Column("total_storage_gb", _DOUBLE, "Storage in gigabytes"),
        Column("estimated_compute_cost", _DOUBLE, "Estimated cost of computing"),
        Column("data_sources_count", _INT, "Sources that had data for the hour"),
        Column("calculation_method", _STRING, "How the row was computed"),
        Column("calculated_at", _TIMESTAMP, "When the row was computed"),
        Column("created_at", _TIMESTAMP, "When the hour was first computed"),
    ),
)

INGESTOR_POSITIONS = Table(
    schema="analytics",
    name="ingestor_positions",
    properties={"comment": "How far each Kafka partition is stored, and what became of its messages"},
    databricks_properties=_EXCLUSIVE,
    partitioned_by=("kafka_partition",),
    columns=(
        Column("consumer_group", _STRING, "Whose position", nullable=False),
        Column("topic", _STRING, "The topic, by name", nullable=False),
        Column("topic_id", _STRING, "The topic, by the id of its incarnation", nullable=False),
        Column("kafka_partition", _INT, "The partition; NULL where the incarnation was accepted before any was stored"),
        Column("position", _BIGINT, "The next offset to read"),
        Column("first_offset", _BIGINT, "Where reading began; all counts are since then"),
        Column("duplicates", _BIGINT, "Events whose identity was stored from another message"),
        Column("conflicting", _BIGINT, "Those of the duplicates whose event_time or payload differed"),
        Column("erased", _BIGINT, "Events of persons who have been erased"),
        Column("holes", _BIGINT, "Offsets that the broker never delivered"),
        Column("dead_lettered", _STRING, "Messages sent to the dead letters, by reason, as JSON"),
        Column("stored_until", _TIMESTAMP, "Broker time up to which the partition is stored"),
    ),
)

TABLES = (SESSION_EVENTS, DASHBOARD_METRICS_HOURLY)
"""The tables of every warehouse."""

DATABRICKS_TABLES = (*TABLES, INGESTOR_POSITIONS)
"""Those of a warehouse of statements, which has no transactions in its log to keep positions in."""
