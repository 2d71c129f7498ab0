from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import TableMissing, VersionGone
from tests.support.rollup_store_behaviour import SOURCE, mark
from tests.support.rows import STREAM, batch, event
from tests.support.sources import fill


@pytest.fixture
def marks(root, delta):
    """The source as another writer sees it, with three rows in two files."""
    fill(delta, SOURCE, [mark("a", tags=[("k", "v")]), mark("b", 1)])
    fill(delta, SOURCE, [mark("c", 2)])
    return root.open(SOURCE)


@pytest.fixture
def changed(delta, marks):
    """The ids of the rows that changed since then."""
    since = marks.version()
    return lambda: sorted(delta.rollup().added(SOURCE, since, ["id"])["id"].to_pylist())


def test_compaction_changes_no_row(marks, changed):
    marks.optimize.compact()
    assert changed() == []


def test_added_rows_are_found_after_compaction_without_their_neighbours(delta, marks, changed):
    fill(delta, SOURCE, [mark("d")])
    marks.update_incremental()
    marks.optimize.compact()
    assert changed() == ["d"]


def test_a_changed_row_is_found_in_its_old_and_its_new_form(marks, changed):
    marks.update(updates={"value": "9.0"}, predicate="id = 'a'")
    assert changed() == ["a", "a"]


def test_a_deleted_row_is_found(marks, changed):
    marks.delete("id = 'a'")
    assert changed() == ["a"]
    marks.delete("id = 'c'")
    assert changed() == ["a", "c"]


def test_a_row_that_was_added_and_deleted_is_no_change(delta, marks, changed):
    fill(delta, SOURCE, [mark("d")])
    marks.update_incremental()
    marks.delete("id = 'd'")
    assert changed() == []


def test_commits_without_rows_are_no_change(delta):
    ledger = delta.ledger(STREAM)
    ledger.append(batch(event("a")), {0: None}, {0: Progress(1)})
    store = delta.rollup()
    with store.snapshot([SESSION_EVENTS]) as snapshot:
        since = snapshot.versions[SESSION_EVENTS.qualified_name]
    ledger.append(batch(), {0: 1}, {0: Progress(1, ingested_through_ms=5)})
    assert store.added(SESSION_EVENTS, since, ["session_id", "event_time"]).num_rows == 0


def test_a_version_whose_log_was_cleaned_is_gone(root, delta, marks, changed):
    fill(delta, SOURCE, [mark("d")])
    fill(delta, SOURCE, [mark("e")])
    root.open(SOURCE).create_checkpoint()
    (Path(root.url_of(SOURCE)) / "_delta_log" / f"{marks.version() + 1:020}.json").unlink()
    with pytest.raises(VersionGone, match=r"lessons.marks: version 2 can no longer be read"):
        changed()


def test_a_version_whose_files_were_vacuumed_is_gone(marks, changed):
    marks.delete("id = 'a'")
    marks.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    with pytest.raises(VersionGone):
        changed()


def test_a_version_that_never_existed_is_gone(delta, marks):
    with pytest.raises(VersionGone, match="has no version 99"):
        delta.rollup().added(SOURCE, 99, ["id"])


def test_changed_rows_have_their_partition_values(root, delta):
    url = root.url_of(SOURCE)
    rows = [mark("a"), mark("b")]
    write_deltalake(url, pa.Table.from_pylist(rows), partition_by=["id"])
    table = DeltaTable(url)
    since = table.version()
    write_deltalake(url, pa.Table.from_pylist([mark("b", 5), mark("c")]), mode="append")
    table.update_incremental()
    table.delete("id = 'a'")
    assert sorted(delta.rollup().added(SOURCE, since, ["id"])["id"].to_pylist()) == ["a", "b", "c"]


def test_changes_of_a_missing_table_are_refused(delta):
    with pytest.raises(TableMissing):
        delta.rollup().added(SOURCE, 0, ["id"])
