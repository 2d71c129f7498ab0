"""The rollup's own tables: the facts of each hour, and its run log."""

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
        "comment": "Facts of each hour, from which distinct counts over several hours stay exact"
    },
    databricks_properties=EXCLUSIVE,
    columns=(
        Column("metric_hour", TIMESTAMP, "Start of the hour", nullable=False),
        Column("school_id", STRING, "The school", nullable=False),
        Column("source", STRING, "Source table", nullable=False),
        Column("fact", STRING, "Kind of fact", nullable=False),
        Column(
            "entity_id",
            STRING,
            "Session, teacher, pupil's pseudonym, group or prompt; NULL for sums",
        ),
        Column("amount", DOUBLE, "Measured value; NULL if only the entity counts"),
        Column("weight", DOUBLE, "Weight of the value in a mean; NULL in sums and counts"),
    ),
)

ROLLUP_RUNS = Table(
    schema="analytics",
    name="rollup_runs",
    properties={"comment": "Run log of the rollup: state of each hour"},
    databricks_properties=EXCLUSIVE,
    columns=(
        Column("metric_hour", TIMESTAMP, "Start of the hour", nullable=False),
        Column("run_id", STRING, "Last run of the hour", nullable=False),
        Column("state", STRING, "dirty, running, done or failed", nullable=False),
        Column("started_at", TIMESTAMP, "Start of that run"),
        Column("finished_at", TIMESTAMP, "End of that run"),
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
        Column("source_versions", STRING, "Version of each present source, as JSON"),
        Column(
            "examined_versions",
            STRING,
            "Version of each source up to which late data is marked, as JSON",
        ),
        Column("code_version", STRING, "Version of the rollup's code"),
        Column("error", STRING, "Reason of the failure, or of the dirty state"),
    ),
)
