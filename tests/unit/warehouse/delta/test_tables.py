import shutil
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, Field
from deltalake.schema import PrimitiveType

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, SESSION_EVENTS, TABLES
from classwaves_warehouse.batch import ROWS, in_table_order
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.errors import TableMismatch, TableMissing
from classwaves_warehouse.interface import Stored
from tests.support.rows import STREAM, batch, event, timeline


def changed(*fields, without=()):
    """The contract's schema with these fields instead, and without some."""
    names = [field.name for field in fields]
    kept = [field for field in ROWS if field.name not in (*names, *without)]
    return pa.schema([*kept, *fields])


@pytest.fixture
def created(root):
    """Creates session_events with a schema of the test's own."""

    def create(schema):
        DeltaTable.create(root.url_of(SESSION_EVENTS), schema)
        return DeltaWarehouse(root.url)

    return create


def test_missing_tables_are_reported_and_created_once(root):
    warehouse = DeltaWarehouse(root.url)
    assert [str(mismatch) for mismatch in warehouse.tables.check()] == [
        f"{table.qualified_name}: does not exist; run `ingestor tables migrate`" for table in TABLES
    ]
    with pytest.raises(
        TableMissing,
        match=r"analytics.session_events does not exist at .*Run `ingestor tables migrate`",
    ):
        warehouse.ledger(STREAM)
    assert [done.split(" at ")[0] for done in warehouse.tables.migrate()] == [
        f"created {table.qualified_name}" for table in TABLES
    ]
    assert list(warehouse.tables.check()) == []
    assert list(warehouse.tables.migrate()) == []


@pytest.mark.parametrize(
    "table", [SESSION_EVENTS, DASHBOARD_METRICS_HOURLY], ids=lambda table: table.name
)
def test_a_created_table_equals_its_contract(root, table):
    DeltaWarehouse(root.url).tables.migrate()
    handle = root.open(table)
    assert pa.schema(handle.schema().to_arrow()).equals(arrow_schema(table))
    assert handle.metadata().description == table.properties["comment"]
    assert handle.metadata().configuration["delta.autoOptimize.autoCompact"] == "true"


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        (
            changed(without=["school_id"]),
            "analytics.session_events.school_id: column is missing (should be string, nullable); "
            "run `ingestor tables migrate`",
        ),
        (
            changed(pa.field("sequence", pa.string())),
            "analytics.session_events.sequence: type is string, should be int64; "
            "rewrite the column",
        ),
        (
            changed(pa.field("session_id", pa.string())),
            "analytics.session_events.session_id: allows NULL, should be not null; "
            "set the constraint",
        ),
        (
            changed(pa.field("trace_id", pa.string(), nullable=False)),
            "analytics.session_events.trace_id: is not null, should allow NULL; "
            "drop the constraint",
        ),
    ],
)
def test_a_ledger_refuses_a_table_that_differs_from_its_contract(created, schema, complaint):
    warehouse = created(schema)
    assert str(warehouse.tables.check()[0]) == complaint
    with pytest.raises(TableMismatch) as refused:
        warehouse.ledger(STREAM)
    assert str(refused.value) == complaint


def test_migrating_adds_missing_nullable_columns(created):
    warehouse = created(changed(without=["school_id", "kafka_offset"]))
    assert list(warehouse.tables.migrate())[:2] == [
        "added analytics.session_events.school_id",
        "added analytics.session_events.kafka_offset",
    ]
    assert list(warehouse.tables.check()) == []
    assert warehouse.ledger(STREAM).append(
        batch(event("a")), {0: None}, {0: Progress(1)}
    ) == Stored(1)
    assert timeline(warehouse, "s1").num_rows == 1


def test_migrating_cannot_add_a_column_that_must_not_be_null(created):
    warehouse = created(changed(without=["teacher_id"]))
    with pytest.raises(
        TableMismatch, match=r"session_events.teacher_id: column is missing.*cannot be added"
    ):
        warehouse.tables.migrate()


def test_a_column_that_the_contract_does_not_have_stays_null(delta, outside):
    outside().alter.add_columns([Field("updated_at", PrimitiveType("timestamp"), nullable=True)])
    assert list(delta.tables.check()) == []
    assert delta.ledger(STREAM).append(batch(event("a")), {0: None}, {0: Progress(1)}) == Stored(1)
    assert timeline(delta, "s1").schema.equals(ROWS)
    assert outside().to_pyarrow_table()["updated_at"].to_pylist() == [None]


def test_a_commit_is_one_sorted_file_with_statistics_of_the_filtered_columns(delta, outside, root):
    rows = batch(*(event(f"e{n}", session_id=f"s{n % 3}", minutes=-n, offset=n) for n in range(50)))
    delta.ledger(STREAM).append(rows, {0: None}, {0: Progress(50)})
    added = pa.table(outside().get_add_actions(flatten=True))
    assert (len(added), added["num_records"].to_pylist()) == (1, [50])
    assert {
        name.removeprefix("min.") for name in added.column_names if name.startswith("min.")
    } == {
        "event_time",
        "session_id",
        "school_id",
        "kafka_partition",
        "kafka_offset",
        "created_at",
    }
    on_disk = pq.read_table(f"{root.url_of(SESSION_EVENTS)}/{added['path'][0]}")
    assert on_disk.cast(ROWS).equals(in_table_order(rows.rows))
    assert all(first <= second for first, second in pairwise(on_disk["session_id"].to_pylist()))


def test_a_slash_at_the_end_of_the_root_does_not_matter():
    assert Root("s3://bucket/lake/").url_of(SESSION_EVENTS) == Root("s3://bucket/lake").url_of(
        SESSION_EVENTS
    )
    assert Root("lake").url_of(SESSION_EVENTS) == "lake/analytics/session_events"


def test_migrate_sets_the_retention_of_an_older_table(root, delta):
    before = root.open(SESSION_EVENTS)
    shutil.rmtree(root.url_of(SESSION_EVENTS))
    DeltaTable.create(root.url_of(SESSION_EVENTS), before.schema())
    assert list(delta.tables.migrate()) == [
        "set delta.logRetentionDuration = interval 1 days on analytics.session_events",
        "set delta.deletedFileRetentionDuration = interval 1 days on analytics.session_events",
    ]
    assert list(delta.tables.migrate()) == []
