"""The timeline of sessions: the columns of the seed plan in its order, then additional ones."""

from classwaves_schemas.tables.table import (
    BIGINT,
    EXCLUSIVE,
    INT,
    STRING,
    TIMESTAMP,
    Column,
    Table,
    seed_properties,
)

SESSION_EVENTS = Table(
    schema="analytics",
    name="session_events",
    properties=seed_properties(
        "Detailed timeline of session lifecycle events for analytics and debugging"
    ),
    databricks_properties=EXCLUSIVE,
    columns=(
        Column("id", STRING, "Event id, minted once by the producer", nullable=False),
        Column("session_id", STRING, "The session", nullable=False),
        Column("teacher_id", STRING, "Who owns the session", nullable=False),
        Column("event_type", STRING, "What happened", nullable=False),
        Column("event_time", TIMESTAMP, "When it happened", nullable=False),
        Column("payload", STRING, "Declared fields of the event type, as JSON"),
        Column(
            "created_at",
            TIMESTAMP,
            "When the ingestor decoded the event; the row was committed later",
        ),
        Column("school_id", STRING, "The school of the session"),
        Column("source", STRING, "Component and instance that emitted it"),
        Column("sequence", BIGINT, "Dense from 1 per session and source"),
        Column("schema_version", INT, "Version of the contract that the message named"),
        Column("trace_id", STRING, "The request or socket message that caused it"),
        Column("kafka_topic_id", STRING, "The topic it was read from, by id"),
        Column("kafka_partition", INT, "The partition it was read from"),
        Column("kafka_offset", BIGINT, "The offset it was read from"),
    ),
)
