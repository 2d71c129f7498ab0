import pyarrow as pa
import pytest
from deltalake import DeltaTable

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.ddl import column_definition, create_table
from classwaves_schemas.tables import (
    DASHBOARD_METRICS_HOURLY,
    DATABRICKS_TABLES,
    INGESTOR_POSITIONS,
    SESSION_EVENTS,
    SOURCES,
    TABLES,
    Column,
    ColumnType,
)

SEED = {
    "session_events": """
        id STRING NOT NULL, session_id STRING NOT NULL, teacher_id STRING NOT NULL,
        event_type STRING NOT NULL, event_time TIMESTAMP NOT NULL, payload STRING,
        created_at TIMESTAMP""",
    "dashboard_metrics_hourly": """
        id STRING NOT NULL, school_id STRING NOT NULL, metric_hour TIMESTAMP NOT NULL,
        sessions_active INT, sessions_completed INT, teachers_active INT, students_active INT,
        total_groups INT, ready_groups INT, avg_session_quality DOUBLE, avg_engagement_score DOUBLE,
        avg_participation_rate DOUBLE, avg_collaboration_score DOUBLE, avg_audio_quality DOUBLE,
        avg_connection_stability DOUBLE, total_errors INT, avg_response_time DOUBLE,
        websocket_connections INT, avg_latency_ms DOUBLE, error_rate DOUBLE,
        total_prompts_generated INT, total_prompts_used INT, total_interventions INT,
        total_alerts INT, ai_analyses_completed INT, avg_ai_processing_time DOUBLE,
        ai_analysis_success_rate DOUBLE, total_transcription_minutes DOUBLE,
        total_storage_gb DOUBLE, estimated_compute_cost DOUBLE, data_sources_count INT,
        calculation_method STRING, calculated_at TIMESTAMP, created_at TIMESTAMP""",
}


@pytest.mark.parametrize(
    "table", [SESSION_EVENTS, DASHBOARD_METRICS_HOURLY], ids=lambda table: table.name
)
def test_a_table_has_the_columns_of_the_seed_first_and_then_nullable_ones(table):
    seed = [column.strip() for column in SEED[table.name].split(",")]
    ours = [column_definition(column).partition(" COMMENT ")[0] for column in table.columns]
    assert ours[: len(seed)] == seed
    assert all(column.nullable for column in table.columns[len(seed) :])


def test_the_additive_columns_of_session_events_have_a_fixed_order():
    assert SESSION_EVENTS.column_names[7:] == (
        *("school_id", "source", "sequence", "schema_version", "trace_id"),
        *("kafka_topic_id", "kafka_partition", "kafka_offset"),
    )
    assert len(DASHBOARD_METRICS_HOURLY.columns) == 34


def test_the_statement_has_the_catalog_and_the_properties_of_the_seed():
    text = create_table(SESSION_EVENTS, catalog="staging")
    assert text.startswith(
        "CREATE TABLE IF NOT EXISTS staging.analytics.session_events (\n  id STRING NOT NULL"
    )
    assert "USING DELTA\nTBLPROPERTIES (\n  'delta.autoOptimize.optimizeWrite' = 'true',\n" in text
    assert "'delta.autoOptimize.autoCompact' = 'true'" in text
    assert (
        "'comment' = 'Detailed timeline of session lifecycle events for analytics and debugging'"
        in text
    )


def test_a_quote_in_a_comment_does_not_end_it():
    column = Column("x", ColumnType.INT, r"a pupil's \ group")
    assert column_definition(column) == r"x INT COMMENT 'a pupil\'s \\ group'"


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_delta_keeps_names_types_nullability_and_comments(table, tmp_path):
    made = DeltaTable.create(tmp_path, schema=arrow_schema(table))
    fields = {field.name: field for field in made.schema().fields}
    assert tuple(fields) == table.column_names
    for column in table.columns:
        assert fields[column.name].nullable == column.nullable
        assert fields[column.name].metadata["comment"] == column.comment
    assert pa.schema(made.schema()).equals(arrow_schema(table))


def test_tables_that_need_conflict_detection_are_serializable_on_databricks():
    for table in (SESSION_EVENTS, INGESTOR_POSITIONS):
        text = create_table(table)
        assert "'delta.isolationLevel' = 'Serializable'" in text
        assert "'delta.enableDeletionVectors' = 'false'" in text
    assert "USING DELTA\nPARTITIONED BY (kafka_partition)\nTBLPROPERTIES (" in create_table(
        INGESTOR_POSITIONS
    )


def test_sources_have_the_columns_of_the_live_catalog_and_are_never_created():
    widths = {table.qualified_name: len(table.columns) for table in SOURCES}
    assert widths == {
        "analytics.session_events": 15,
        "analytics.session_metrics": 35,
        "analytics.group_metrics": 24,
        "analytics.educational_metrics": 9,
        "sessions.classroom_sessions": 32,
        "sessions.student_groups": 21,
        "operational.system_events": 10,
        "operational.api_metrics": 10,
    }
    assert set(SOURCES).intersection(DATABRICKS_TABLES) == {SESSION_EVENTS}
