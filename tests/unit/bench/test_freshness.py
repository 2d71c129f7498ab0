import json

import pyarrow as pa
import pyarrow.parquet as pq

from bench.freshness import LogWatch


def test_a_row_is_visible_from_the_moment_at_which_its_commit_is_in_the_log(tmp_path):
    log = tmp_path / "_delta_log"
    log.mkdir()
    (log / f"{0:020}.json").write_text("{}")
    watch = LogWatch(tmp_path)
    pq.write_table(
        pa.table({"id": ["a", "b"], "kafka_partition": [0, 3]}), tmp_path / "part 1.parquet"
    )
    with watch.watching():
        assert [*watch.rows()] == []
        actions = ({"add": {"path": "part%201.parquet", "dataChange": True}}, {"txn": {}})
        (log / "next").write_text("\n".join(map(json.dumps, actions)))
        (log / "next").rename(log / f"{1:020}.json")
        while not (found := [*watch.rows()]):
            pass
    ((first, second),) = found
    assert (first.id, first.partition, second.id, second.partition) == ("a", 0, "b", 3)
    assert first.visible_at == second.visible_at


def test_a_rewritten_file_makes_no_row_visible(tmp_path):
    log = tmp_path / "_delta_log"
    log.mkdir()
    watch = LogWatch(tmp_path, {0: 1.0})
    (log / f"{0:020}.json").write_text('{"add": {"path": "x", "dataChange": false}}')
    assert [*watch.rows()] == []
