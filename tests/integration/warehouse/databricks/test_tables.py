"""Creating and migrating tables, and tables that other engines write."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake

from classwaves_schemas.ddl import create_table
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import ROWS, in_table_order
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.errors import TableMismatch, TableMissing
from classwaves_warehouse.interface import Stored
from tests.support.rows import MORNING, STREAM, batch, event, table, timeline

SEED = sorted(Path(__file__).parents[3].glob("support/seed/*.sql"))

AWKWARD = [
    event("quotes", payload="""{"x":"O'Brien \\"said\\" `this`"}"""),
    event("backslashes", payload='{"x":"C:\\\\new\\\\table \\\\u0041 \\n\\t"}', minutes=1),
    event("unicode", payload='{"x":"äöü 教室 🧑‍🏫 \u2028\ufeff\u0000"}', minutes=2),
    event("marks", payload="{:rows} ${x} %s ? -- /* '", minutes=3),
    event("nulls", payload=None, created_at=None, minutes=4),
    event("empty", payload="", school_id="", minutes=5),
    event("micros", event_time=MORNING + timedelta(microseconds=1)),
    event("old", event_time=datetime(2000, 1, 1, tzinfo=UTC)),
    event("summer", event_time=datetime(2026, 3, 29, 1, 30, 0, 999_999, tzinfo=UTC)),
    event("numbers", sequence=2**63 - 1, offset=2**62, schema_version=2**31 - 1, minutes=6),
    event("long", payload="ü" * 1_000_000, minutes=7),
]


@pytest.fixture
def place(databricks, warehouse):
    """The folder of session_events."""
    with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
        return (
            cursor.execute("DESCRIBE DETAIL analytics.session_events")
            .fetchall()[0]
            .location.removeprefix("file:")
        )


def test_awkward_rows_are_read_back_unchanged_by_spark_and_delta(warehouse, place):
    given = in_table_order(table(*AWKWARD))
    warehouse.ledger(STREAM).append(batch(*AWKWARD), {0: None}, {0: Progress(len(AWKWARD))})
    assert timeline(warehouse, "s1").equals(given)
    read = DeltaTable(place).to_pyarrow_table().select(ROWS.names).cast(ROWS)
    assert in_table_order(read).equals(given)


def test_spark_reads_a_table_of_the_embedded_warehouse_unchanged(databricks, tmp_path):
    embedded = DeltaWarehouse(str(tmp_path))
    embedded.tables.migrate()
    embedded.ledger(STREAM).append(batch(*AWKWARD), {0: None}, {0: Progress(len(AWKWARD))})
    with databricks.connect() as connection, connection.cursor() as cursor:
        read = cursor.execute(
            f"SELECT * FROM delta.`{Root(str(tmp_path)).url_of(SESSION_EVENTS)}`"
        ).fetchall_arrow()
    assert in_table_order(read.select(ROWS.names).cast(ROWS)).equals(
        in_table_order(table(*AWKWARD))
    )


def test_rows_that_delta_wrote_are_read_unchanged_and_found_as_repeats(warehouse, place):
    given = in_table_order(table(*AWKWARD))
    write_deltalake(place, given, mode="append")
    assert timeline(warehouse, "s1").equals(given)
    repeats = [{**row, "kafka_offset": 100 + n} for n, row in enumerate(AWKWARD)]
    answer = warehouse.ledger(STREAM).append(
        batch(*repeats), {0: None}, {0: Progress(200, first_offset=100)}
    )
    assert answer == Stored(0, duplicates={0: len(AWKWARD)})


@pytest.fixture
def bare(databricks, settings):
    """A warehouse without tables."""
    databricks.drop_tables()
    yield DatabricksWarehouse(settings)
    databricks.drop_tables()


def run(databricks, statement):
    with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
        cursor.execute(statement)


def test_migrate_extends_the_seeds_tables_and_keeps_their_rows(databricks, bare):
    for statement in SEED:
        run(databricks, statement.read_text())
    row = "('old', 's1', 't', 'started', TIMESTAMP '2026-03-02 08:00:00', '{}', NULL)"
    run(databricks, f"INSERT INTO analytics.session_events VALUES {row}")
    found = [str(mismatch) for mismatch in bare.tables.check()]
    assert (
        "analytics.session_events.kafka_offset: column is missing (should be BIGINT, nullable)"
        in found[7]
    )
    assert "delta.isolationLevel is not set, should be Serializable" in found[8]
    with pytest.raises(TableMissing, match="ingestor_positions"):
        bare.ledger(STREAM).checkpoints()
    done = bare.tables.migrate()
    assert "added analytics.session_events.school_id" in done
    assert "set delta.isolationLevel = Serializable on analytics.session_events" in done
    assert list(bare.tables.check()) == []
    answer = bare.ledger(STREAM).append(
        batch(event("old"), event("new", offset=1)), {0: None}, {0: Progress(2)}
    )
    assert (answer.rows, answer.duplicates) == (1, {0: 1})
    run(
        databricks,
        "ALTER TABLE analytics.session_events"
        " SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')",
    )
    with pytest.raises(
        TableMismatch, match=r"delta\.enableDeletionVectors is true, should be false"
    ):
        bare.ledger(STREAM).checkpoints()


def test_a_change_whose_reply_was_lost_is_not_repeated(databricks, bare):
    for statement in SEED:
        run(databricks, statement.read_text())
    for change in ("ADD COLUMNS", "SET TBLPROPERTIES", "TABLE IF NOT EXISTS .*ingestor_positions"):
        databricks.faults.lose_reply(matching=change)
    done = bare.tables.migrate()
    assert "added analytics.session_events.school_id" in done
    assert "set delta.isolationLevel = Serializable on analytics.session_events" in done
    assert "created analytics.ingestor_positions in `classwaves`" in done
    assert len(done) == len(set(done))
    assert list(bare.tables.check()) == []


def test_a_difference_that_migrate_cannot_fix_is_reported(databricks, bare):
    wrong = (
        create_table(SESSION_EVENTS)
        .replace("sequence BIGINT", "sequence STRING")
        .replace("  id STRING", "  i STRING")
    )
    run(databricks, wrong)
    with pytest.raises(TableMismatch) as raised:
        bare.tables.migrate()
    assert "analytics.session_events.sequence: type is STRING, should be BIGINT" in str(
        raised.value
    )
    assert "analytics.session_events.id: column is missing (should be STRING, not null)" in str(
        raised.value
    )


def test_without_tables_a_ledger_names_the_command_to_run(bare):
    with pytest.raises(TableMissing, match="Run `ingestor tables migrate`"):
        bare.ledger(STREAM).checkpoints()
