import json
from datetime import timedelta
from random import Random

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import ROWS, TIMELINE, in_table_order
from classwaves_warehouse.delta.compaction.data_file import write_file
from classwaves_warehouse.delta.dataset import DeltaDataset, active_files
from classwaves_warehouse.errors import WarehouseRefused
from tests.support.rows import MORNING, event, table

ORDER = ("session_id", *TIMELINE)
STATISTICS = ("event_time", "session_id", "school_id", "kafka_offset")


@pytest.fixture
def rewrite(root, delta):
    """Writes tables as files of session_events and rewrites them as one; its rows and action."""

    def rewrite(*tables, part_bytes=1 << 20):
        handle = root.open(SESSION_EVENTS)
        for rows in tables:
            write_deltalake(handle, rows, mode="append")
        files = active_files(handle)["path"].to_pylist()
        dataset = DeltaDataset.of(handle, ROWS).only({path: {} for path in files})
        added = write_file(dataset, ROWS, ORDER, STATISTICS, part_bytes)
        return pq.ParquetFile(f"{root.url_of(SESSION_EVENTS)}/{added.path}"), added

    return rewrite


def many(seed, number=2000):
    random = Random(seed)
    return [
        event(
            f"{seed}-{index}",
            session_id=f"s{random.randrange(20)}",
            minutes=random.randrange(5),
            source=random.choice([None, "a", "b"]),
            sequence=random.choice([None, index]),
        )
        for index in range(number)
    ]


@pytest.mark.parametrize("part_bytes", [1 << 30, 200_000], ids=["one part", "many parts"])
def test_the_rows_of_all_files_are_in_one_file_in_table_order(rewrite, part_bytes):
    given = [many(1), many(2)]
    written, added = rewrite(*(table(*rows) for rows in given), part_bytes=part_bytes)
    assert written.read().equals(in_table_order(table(*given[0], *given[1])))
    assert (written.num_row_groups > 3) == (part_bytes < 1 << 30)
    assert json.loads(added.stats)["numRecords"] == 4000


def test_a_session_that_is_larger_than_a_part_is_divided_by_time(rewrite):
    rows = [event(f"{index:05}", minutes=index) for index in range(2000)]
    written, _ = rewrite(table(*rows[1::2]), table(*rows[::2]), part_bytes=200_000)
    assert written.read()["id"].to_pylist() == [row["id"] for row in rows]
    assert written.num_row_groups > 1


def test_rows_with_one_key_are_one_part(rewrite):
    rows = [event(f"{index:05}") for index in range(2000)]
    written, _ = rewrite(table(*rows), part_bytes=200_000)
    assert written.read()["id"].to_pylist() == [row["id"] for row in rows]
    assert written.num_row_groups == 2


def test_sessions_can_be_found_by_statistics_bloom_filter_and_page_index(rewrite, root):
    written, added = rewrite(table(*many(1)))
    with duckdb.connect() as connection:
        filters = connection.execute(
            "SELECT path_in_schema FROM parquet_metadata(?) WHERE bloom_filter_offset > 0",
            [f"{root.url_of(SESSION_EVENTS)}/{added.path}"],
        ).fetchall()
    assert filters == [("session_id",)]
    column = written.metadata.row_group(0).column(ROWS.names.index("session_id"))
    assert column.statistics.min == "s0"
    assert column.has_column_index
    assert column.has_offset_index
    assert column.compression == "ZSTD"
    assert [each.column_index for each in written.metadata.row_group(0).sorting_columns] == [
        ROWS.names.index(name) for name in ORDER
    ]


def test_a_maximum_is_never_too_low(rewrite):
    first, last = MORNING + timedelta(microseconds=1999), MORNING + timedelta(microseconds=2001)
    _, added = rewrite(
        table(
            event("a", event_time=first, offset=3),
            event("b", session_id="s2", event_time=last, offset=2**40),
        )
    )
    assert not added.data_change
    assert json.loads(added.stats) == {
        "numRecords": 2,
        "minValues": {
            "event_time": "2026-03-02T08:00:00.001Z",
            "session_id": "s1",
            "kafka_offset": 3,
        },
        "maxValues": {
            "event_time": "2026-03-02T08:00:00.003Z",
            "session_id": "s2",
            "kafka_offset": 2**40,
        },
        "nullCount": {"event_time": 0, "session_id": 0, "school_id": 2, "kafka_offset": 0},
    }


def test_a_whole_millisecond_is_its_own_maximum(rewrite):
    _, added = rewrite(table(event("a")))
    assert json.loads(added.stats)["maxValues"]["event_time"] == "2026-03-02T08:00:00.000Z"


def test_a_long_text_has_no_range(rewrite):
    _, added = rewrite(table(event("a", session_id="x" * 300), event("b")))
    assert "session_id" not in json.loads(added.stats)["minValues"]


def test_rows_that_a_delete_has_rewritten_are_read(rewrite, root, outside):
    write_deltalake(outside(), table(event("a"), event("b"), event("c")), mode="append")
    outside().delete("id = 'b'")
    written, _ = rewrite(table(event("d")))
    assert written.read()["id"].to_pylist() == ["a", "c", "d"]


def test_rows_that_cannot_be_sorted_are_refused_and_none_is_lost(tmp_path):
    schema = pa.schema({"session_id": pa.string(), "event_time": pa.int64()})
    rows = pa.table(
        {"session_id": [None, *(f"s{n}" for n in range(999))], "event_time": range(1000)},
        schema=schema,
    )
    write_deltalake(tmp_path, rows)
    handle = DeltaTable(tmp_path)
    [path] = active_files(handle)["path"].to_pylist()
    dataset = DeltaDataset.of(handle, schema).only({path: {}})
    with pytest.raises(WarehouseRefused, match="have 1000 rows, but 999 of them can be sorted"):
        write_file(dataset, schema, ("session_id", "event_time"), (), part_bytes=50_000)
    assert [each.name for each in tmp_path.glob("*.parquet")] == [path]
