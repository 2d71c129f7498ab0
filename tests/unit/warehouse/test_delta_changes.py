from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import TableMissing, VersionGone
from tests.support.hours_behaviour import SOURCE, mark
from tests.support.rows import STREAM, batch, event
from tests.support.sources import fill


@pytest.fixture
def marks(root, delta):
    """The source as a stranger sees it, with three rows in two files."""
    fill(delta, SOURCE, [mark("a", tags=[("k", "v")]), mark("b", 1)])
    fill(delta, SOURCE, [mark("c", 2)])
    return root.open(SOURCE)


@pytest.fixture
def changed(delta, marks):
    """The ids of what came, changed or went since the marks were as above."""
    since = marks.version()
    return lambda: sorted(delta.hours().added(SOURCE, since, ["id"])["id"].to_pylist())


def test_compaction_alone_is_no_change(marks, changed):
    marks.optimize.compact()
    assert changed() == []


def test_rows_that_were_added_and_compacted_are_told_without_their_neighbours(
    delta, marks, changed
):
    fill(delta, SOURCE, [mark("d")])
    marks.update_incremental()
    marks.optimize.compact()
    assert changed() == ["d"]


def test_a_row_that_was_changed_is_told_as_it_was_and_as_it_is(marks, changed):
    marks.update(updates={"value": "9.0"}, predicate="id = 'a'")
    assert changed() == ["a", "a"]


def test_a_row_that_was_deleted_is_told(marks, changed):
    marks.delete("id = 'a'")
    assert changed() == ["a"]
    marks.delete("id = 'c'")
    assert changed() == ["a", "c"]


def test_a_row_that_came_and_went_is_no_change(delta, marks, changed):
    fill(delta, SOURCE, [mark("d")])
    marks.update_incremental()
    marks.delete("id = 'd'")
    assert changed() == []


def test_commits_of_the_ingestor_without_rows_are_no_change(delta):
    ledger = delta.ledger(STREAM)
    ledger.append(batch(event("a")), {0: None}, {0: Progress(1)})
    hours = delta.hours()
    with hours.snapshot([SESSION_EVENTS]) as snapshot:
        since = snapshot.versions[SESSION_EVENTS.qualified_name]
    ledger.append(batch(), {0: 1}, {0: Progress(1, stored_until_ms=5)})
    assert hours.added(SESSION_EVENTS, since, ["session_id", "event_time"]).num_rows == 0


def test_a_version_whose_log_was_cleaned_is_gone(root, delta, marks, changed):
    fill(delta, SOURCE, [mark("d")])
    fill(delta, SOURCE, [mark("e")])
    root.open(SOURCE).create_checkpoint()
    (Path(root.of(SOURCE)) / "_delta_log" / f"{marks.version() + 1:020}.json").unlink()
    with pytest.raises(VersionGone, match=r"lessons.marks: version 2 can be read no longer"):
        changed()


def test_a_version_whose_files_were_vacuumed_is_gone(marks, changed):
    marks.delete("id = 'a'")
    marks.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    with pytest.raises(VersionGone):
        changed()


def test_a_version_that_never_was_is_gone(delta, marks):
    with pytest.raises(VersionGone, match="has no version 99"):
        delta.hours().added(SOURCE, 99, ["id"])


def test_changes_in_partitions_have_their_values(root, delta):
    place = root.of(SOURCE)
    rows = [mark("a"), mark("b")]
    write_deltalake(place, pa.Table.from_pylist(rows), partition_by=["id"])
    table = DeltaTable(place)
    since = table.version()
    write_deltalake(place, pa.Table.from_pylist([mark("b", 5), mark("c")]), mode="append")
    table.update_incremental()
    table.delete("id = 'a'")
    assert sorted(delta.hours().added(SOURCE, since, ["id"])["id"].to_pylist()) == ["a", "b", "c"]


def test_a_table_that_is_missing_has_no_changes_to_tell(delta):
    with pytest.raises(TableMissing):
        delta.hours().added(SOURCE, 0, ["id"])
