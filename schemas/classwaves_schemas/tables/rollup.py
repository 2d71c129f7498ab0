"""What the rollup keeps beside its rows: the facts of each hour, and what became of each hour."""

from classwaves_schemas.tables.table import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    EXCLUSIVE,
    STRING,
    TIMESTAMP,
    Column,
    Table,
)

ROLLUP_FACTS_HOURLY = Table(
    schema="analytics",
    name="rollup_facts_hourly",
    properties={
        "comment": "What each hour's metrics are made of, so that counts stay exact over any hours"
    },
    databricks_properties=EXCLUSIVE,
    columns=(
        Column("metric_hour", TIMESTAMP, "Start of the hour", nullable=False),
        Column("school_id", STRING, "The school", nullable=False),
        Column("source", STRING, "The table that it comes from", nullable=False),
        Column("fact", STRING, "What kind of fact", nullable=False),
        Column(
            "entity_id",
            STRING,
            "Session, teacher, pupil's pseudonym, group or prompt; NULL for sums",
        ),
        Column("amount", DOUBLE, "The measured value; NULL where only the entity counts"),
        Column("weight", DOUBLE, "What the value weighs in a mean; NULL in sums and counts"),
    ),
)

ROLLUP_RUNS = Table(
    schema="analytics",
    name="rollup_runs",
    properties={"comment": "What became of each hour of the rollup"},
    databricks_properties=EXCLUSIVE,
    columns=(
        Column("metric_hour", TIMESTAMP, "Start of the hour", nullable=False),
        Column("run_id", STRING, "The last run that had to do with it", nullable=False),
        Column("state", STRING, "dirty, running, done or failed", nullable=False),
        Column("started_at", TIMESTAMP, "When that run began"),
        Column("finished_at", TIMESTAMP, "When it ended"),
        Column(
            "complete",
            BOOLEAN,
            "Whether ingestion had passed the end of the hour when sources were read",
        ),
        Column("facts", BIGINT, "Facts of the hour"),
        Column("hourly_rows", BIGINT, "Rows of the hour in dashboard_metrics_hourly"),
        Column(
            "events_without_school", BIGINT, "Events of the hour that belong to no known school"
        ),
        Column("source_versions", STRING, "Version of each source that was there to read, as JSON"),
        Column(
            "examined_versions",
            STRING,
            "Version of each source up to which late changes are marked, as JSON",
        ),
        Column("code_version", STRING, "Release of the rollup"),
        Column("error", STRING, "Why it failed, or why it is dirty"),
    ),
)
