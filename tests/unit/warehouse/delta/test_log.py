from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.delta.log import Entry, Log
from classwaves_warehouse.delta.writer import write
from tests.support.rows import event, table


def paths(handle):
    return pa.table(handle.get_add_actions())["path"].to_pylist()


def test_the_entry_of_an_append_has_its_transactions_file_and_token(outside):
    handle = outside()
    write(handle, table(event("a")), {"g/T/0": 3, "ids/4": 1}, "token")
    entry = Log(handle).entry(handle.version())
    assert entry == Entry({"g/T/0": 3, "ids/4": 1}, paths(handle), [], [], "token")


def test_an_append_of_no_rows_adds_no_file(outside):
    handle = outside()
    write(handle, table(), {"g/T/0": 3}, "token")
    assert Log(handle).entry(handle.version()) == Entry({"g/T/0": 3}, [], [], [], "token")


def test_rewriting_rows_adds_none(outside):
    handle = outside()
    for name in "ab":
        write(handle, table(event(name), event(f"{name}2")), {}, name)
    for rewrite in (lambda: handle.delete("id = 'a'"), handle.optimize.compact):
        before, files = handle.version(), set(paths(handle))
        rewrite()
        entry = Log(handle).entry(before + 1)
        assert (entry.transactions, entry.added, entry.token) == ({}, [], None)
        assert set(entry.copies) == set(paths(handle)) - files
        assert set(entry.removed) == files - set(paths(handle))


def test_a_version_that_does_not_exist_is_not_found(outside):
    with pytest.raises(FileNotFoundError):
        Log(outside()).entry(99)


def test_a_log_without_a_checkpoint_has_version_minus_one(outside):
    log = Log(outside())
    assert (log.checkpoint(), log.checkpointed_version()) == ((-1, {}), -1)


def test_all_parts_of_a_checkpoint_are_read(outside, root):
    log = Log(outside())
    folder = Path(root.url_of(SESSION_EVENTS)) / "_delta_log"
    kind = pa.struct([("appId", pa.string()), ("version", pa.int64())])
    for part in (1, 2):
        actions = pa.table({"txn": pa.array([None, {"appId": f"id{part}", "version": part}], kind)})
        pq.write_table(actions, folder / f"{7:020}.checkpoint.{part:010}.{2:010}.parquet")
    (folder / "_last_checkpoint").write_text('{"version": 7, "size": 4, "parts": 2}')
    assert log.checkpoint() == (7, {"id1": 1, "id2": 2})
