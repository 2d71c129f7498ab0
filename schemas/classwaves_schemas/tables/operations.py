"""Logs of the backend, as its live catalog has them."""

from classwaves_schemas.tables.table import INT, STRING, TIMESTAMP, Column, Table

SYSTEM_EVENTS = Table(
    schema="operational",
    name="system_events",
    properties={"comment": "What the system logged"},
    columns=(
        Column("id", STRING, "The row; not always unique", nullable=False),
        Column("event_type", STRING, "What happened", nullable=False),
        Column("severity", STRING, "How bad it is", nullable=False),
        Column("component", STRING, "Where it happened", nullable=False),
        Column("message", STRING, "Free text: never to be read", nullable=False),
        Column("error_details", STRING, "A whole request: never to be read"),
        Column("school_id", STRING, "The school, if any"),
        Column("session_id", STRING, "The session, if any"),
        Column("user_id", STRING, "Who met it"),
        Column("created_at", TIMESTAMP, "When it happened", nullable=False),
    ),
)

API_METRICS = Table(
    schema="operational",
    name="api_metrics",
    properties={"comment": "Requests to the API"},
    columns=(
        Column("id", STRING, "The row"),
        Column("endpoint", STRING, "What was asked"),
        Column("method", STRING, "The HTTP method"),
        Column("response_time_ms", INT, "Time of the answer in milliseconds"),
        Column("status_code", INT, "HTTP status of the answer"),
        Column("user_id", STRING, "Who asked"),
        Column("school_id", STRING, "Their school"),
        Column("ip_address", STRING, "An address: never to be read"),
        Column("user_agent", STRING, "A browser: never to be read"),
        Column("timestamp", TIMESTAMP, "When it was answered"),
    ),
)
