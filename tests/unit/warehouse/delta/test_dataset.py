import json
from datetime import timedelta

import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from deltalake import DeltaTable, write_deltalake

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import ROWS
from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.delta.writer import write
from classwaves_warehouse.errors import WarehouseRefused, WarehouseUnavailable
from tests.support.rollup_store_behaviour import HOUR, SOURCE, mark
from tests.support.rows import MORNING, event, table, timeline
from tests.support.sources import fill

DAYS = 40


@pytest.fixture
def history(outside):
    """A file a day, newest first."""
    handle = outside()
    for day in reversed(range(DAYS)):
        write(
            handle,
            table(event(str(day), minutes=day * 1440), event(f"{day}+", minutes=day * 1440 + 59)),
            {},
            "t",
        )
    return handle


def during(first, last):
    zone = pa.timestamp("us", tz="UTC")
    return (ds.field("event_time") >= pa.scalar(first, zone)) & (
        ds.field("event_time") < pa.scalar(last, zone)
    )


def test_only_files_of_the_filtered_times_are_opened(history):
    files = DeltaDataset.of(history, ROWS)
    noon = MORNING + timedelta(days=20)
    assert len(files.files()) == DAYS
    assert len(files.files(during(noon, noon + HOUR))) == 1
    assert len(files.files(during(noon, noon + timedelta(days=9)))) == 9
    assert len(files.files(during(noon + timedelta(hours=2), noon + timedelta(hours=9)))) == 0
    assert len(files.files(ds.field("session_id") == "s1")) == DAYS
    assert files.files(ds.field("session_id") == "s2") == []


def test_files_rewritten_by_a_delete_are_readable(delta, outside):
    handle = outside()
    write(handle, table(event("a"), event("b")), {}, "t")
    handle.delete("id = 'b'")
    write(handle, table(event("c")), {}, "t")
    assert timeline(delta, "s1")["id"].to_pylist() == ["a", "c"]
    assert delta.events.known([("s1", "a"), ("s1", "b")]) == {("s1", "a")}
    files = DeltaDataset.of(handle, ROWS)
    assert files.rows(["id"], ds.field("id") == "a")["id"].to_pylist() == ["a"]


def test_a_query_opens_only_the_files_of_its_parameters(delta, history, monkeypatch):
    opened = []
    scanner = DeltaDataset.scanner

    def scan(files, **given):
        opened.extend(files.files(given["filter"]))
        return scanner(files, **given)

    monkeypatch.setattr(DeltaDataset, "scanner", scan)
    text = (
        "SELECT id FROM session_events "
        "WHERE event_time >= :hour AND event_time < :hour + INTERVAL 1 HOUR"
    )
    with delta.rollup().snapshot([SESSION_EVENTS]) as snapshot:
        found = snapshot.query(text, {"hour": MORNING + timedelta(days=3)})["id"].to_pylist()
    assert (sorted(found), len(opened)) == (["3", "3+"], 1)


def test_a_time_truncated_in_statistics_is_found(outside):
    handle = outside()
    late = MORNING + timedelta(microseconds=999_999)
    write(handle, table(event("a", event_time=late)), {}, "t")
    wanted = during(late, late + timedelta(microseconds=1))
    assert DeltaDataset.of(handle, ROWS).rows(["id"], wanted)["id"].to_pylist() == ["a"]


def test_rows_without_a_time_are_found(root, delta):
    fill(delta, SOURCE, [mark("a"), mark("b", at=None)])
    files = DeltaDataset.of(
        root.open(SOURCE), pa.schema([("id", pa.string()), ("at", pa.timestamp("us", tz="UTC"))])
    )
    assert files.rows(["id"], ds.field("at").is_null())["id"].to_pylist() == ["b"]


def test_partition_columns_and_missing_columns_are_readable(tmp_path):
    place = str(tmp_path / "parted")
    write_deltalake(place, pa.table({"kind": ["x", None], "n": [1, 2]}), partition_by=["kind"])
    columns = pa.schema([("kind", pa.string()), ("n", pa.int32()), ("gone", pa.string())])
    files = DeltaDataset.of(DeltaTable(place), columns)
    assert sorted(
        files.rows(["kind", "n", "gone"], ds.field("n") > 0).to_pylist(), key=lambda row: row["n"]
    ) == [
        {"kind": "x", "n": 1, "gone": None},
        {"kind": None, "n": 2, "gone": None},
    ]
    assert len(files.files(ds.field("kind") == "x")) == 1
    assert files.schema.field("n").type == pa.int64()


def test_a_table_with_deletion_vectors_is_refused(tmp_path):
    place = str(tmp_path / "vectors")
    DeltaTable.create(place, ROWS, configuration={"delta.enableDeletionVectors": "true"})
    with pytest.raises(WarehouseRefused, match="deletionVectors"):
        DeltaDataset.of(DeltaTable(place), ROWS)


def test_a_table_with_column_mapping_is_refused(tmp_path):
    place = tmp_path / "mapped"
    write_deltalake(str(place), pa.table({"n": [1]}))
    entry = place / "_delta_log" / f"{0:020}.json"
    lines = [json.loads(line) for line in entry.read_text().splitlines()]
    for line in lines:
        if "metaData" in line:
            line["metaData"]["configuration"] = {"delta.columnMapping.mode": "name"}
            schema = json.loads(line["metaData"]["schemaString"])
            mapped = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1"}
            schema["fields"][0]["metadata"] = mapped
            line["metaData"]["schemaString"] = json.dumps(schema)
        if "protocol" in line:
            line["protocol"] = {"minReaderVersion": 2, "minWriterVersion": 5}
    entry.write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(WarehouseRefused, match="columnMapping"):
        DeltaDataset.of(DeltaTable(str(place)), ROWS)


def test_a_vacuumed_file_makes_the_warehouse_unavailable(delta, history, root):
    with delta.rollup().snapshot([SESSION_EVENTS]) as snapshot:
        outside = root.open(SESSION_EVENTS)
        outside.optimize.compact()
        outside.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
        # Through a filesystem in Python, one of these reads would deadlock the process.
        for _ in range(50):
            with pytest.raises(WarehouseUnavailable):
                snapshot.query("SELECT id FROM session_events", {})
