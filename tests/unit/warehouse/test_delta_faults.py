"""What happens to a table while a ledger is at work on it."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from deltalake import DeltaTable, write_deltalake

from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import ROWS
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.delta import foreign
from classwaves_warehouse.delta.backoff import Backoff
from classwaves_warehouse.delta.files import DataFiles
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import Fenced, Stored
from tests.support.rows import MORNING, STREAM, batch, event, table

FIRST = batch(event("a"), event("b")), {0: None}, {0: Progress(2)}
SECOND = batch(event("b"), event("c")), {0: 2}, {0: Progress(4)}


def root_of(table):
    return Path(unquote(urlparse(table.table_uri).path))


def ids(warehouse):
    return [row["id"] for row in warehouse.events.timeline("s1").to_pylist()]


@pytest.fixture
def impatient(delta, root):
    """A warehouse whose ledgers try once."""
    return DeltaWarehouse(root.url, backoff=Backoff(attempts=1, first=0))


def test_a_commit_that_landed_although_it_failed_is_found_by_its_token(delta, faults):
    ledger = delta.ledger(STREAM)
    faults.due = ["after"]
    assert ledger.append(*FIRST) == Stored(rows=2)
    assert ledger.append(*SECOND) == Stored(rows=1, duplicates={0: 1})
    assert ids(delta) == ["a", "b", "c"]


def test_a_landed_commit_is_found_even_if_the_next_owner_has_moved_on(delta, faults):
    ledger = delta.ledger(STREAM)
    ledger._sleep = lambda _: delta.ledger(STREAM).append(*SECOND)
    faults.due = ["after"]
    assert ledger.append(*FIRST) == Stored(rows=2)
    assert ledger.append(*SECOND).rows == 0
    assert ledger.append(batch(), {0: 2}, {0: Progress(3)}) == Fenced({0: 4})


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_ledger_that_gave_up_settles_the_commit_when_called_again(impatient, faults, moment):
    ledger = impatient.ledger(STREAM)
    faults.due = [moment]
    with pytest.raises(
        WarehouseUnavailable,
        match=r"1 attempts.*the store did not.*Call again with the same arguments",
    ):
        ledger.append(*FIRST)
    assert ledger.append(*FIRST) == Stored(rows=2)
    assert ids(impatient) == ["a", "b"]


def test_a_lost_answer_to_a_heartbeat_leaves_the_counters_right(delta, faults):
    ledger = delta.ledger(STREAM)
    ledger.append(*FIRST)
    faults.due = ["before", "after"]
    ledger.append(batch(), {0: 2}, {0: Progress(2, stored_until_ms=7)})
    assert ledger.checkpoints() == {0: Checkpoint(position=2, first_offset=0, stored_until_ms=7)}


def _delete(table):
    table.delete("id = 'a'")


def _change_a_property(table):
    table.alter.set_table_properties({"delta.appendOnly": "false"})


def _compact(table):
    table.optimize.compact()


@pytest.mark.parametrize(
    ("disturb", "left"),
    [(_delete, ["b", "c"]), (_change_a_property, ["a", "b", "c"]), (_compact, ["a", "b", "c"])],
)
def test_others_changes_of_the_table_in_between_fence_nobody(delta, outside, disturb, left):
    ledger = delta.ledger(STREAM)
    ledger.append(*FIRST)
    disturb(outside())
    answer = ledger.append(*SECOND)
    assert (answer.rows, answer.duplicates) == (1, {0: 1})
    assert ids(delta) == left


def test_rows_that_a_stranger_inserted_are_known(delta, outside):
    ledger = delta.ledger(STREAM)
    ledger.append(*FIRST)
    write_deltalake(outside(), table(event("c", minutes=90)), mode="append")
    assert ledger.append(batch(event("d")), {0: 2}, {0: Progress(3)}) == Stored(1)
    assert ledger.append(batch(event("c")), {0: 3}, {0: Progress(4)}) == Stored(0, {0: 1}, {0: 1})


@pytest.mark.parametrize("remembered", [256, 4])
def test_files_of_others_are_read_when_their_lane_is_touched_however_many_they_are(
    delta, monkeypatch, remembered
):
    monkeypatch.setattr(foreign, "_LIMIT", remembered)
    mine, theirs = delta.ledger(STREAM), delta.ledger(STREAM)
    mine.append(*FIRST)
    for offset in range(7):
        rows = batch(event(f"x{offset}", session_id="s2", partition=1, offset=offset))
        theirs.append(rows, {1: offset or None}, {1: Progress(offset + 1)})
    assert mine.append(*SECOND).rows == 1
    last = batch(
        event("x0", session_id="s2"), event("x6", session_id="s2"), event("y", session_id="s2")
    )
    answer = mine.append(last, {0: 4}, {0: Progress(7)})
    assert (answer.rows, answer.duplicates) == (1, {0: 2})
    monkeypatch.delattr(DataFiles, "identities")
    assert mine.append(last, {0: 7}, {0: Progress(10)}) == Stored(0, duplicates={0: 3})


def test_a_foreign_file_that_was_vacuumed_away_makes_the_index_start_over(delta, outside):
    mine, theirs = delta.ledger(STREAM), delta.ledger(STREAM)
    mine.append(*FIRST)
    theirs.append(batch(event("x", partition=1)), {1: None}, {1: Progress(1)})
    theirs.append(batch(event("y", partition=1)), {1: 1}, {1: Progress(2)})
    outside().optimize.compact()
    outside().vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    answer = mine.append(batch(event("x"), event("y"), event("z")), {0: 2}, {0: Progress(5)})
    assert (answer.rows, answer.duplicates) == (1, {0: 2})


def test_a_log_that_was_cleaned_up_is_read_from_its_checkpoint(delta, outside):
    mine, theirs = delta.ledger(STREAM), delta.ledger(STREAM)
    mine.append(*FIRST)
    for offset in range(5):
        theirs.append(
            batch(event(f"x{offset}", partition=1)), {1: offset or None}, {1: Progress(offset + 1)}
        )
    table = outside()
    table.alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds"})
    table.create_checkpoint()
    table.cleanup_metadata()
    assert not list(root_of(table).glob("_delta_log/*3.json"))
    answer = mine.append(batch(event("b"), event("x4"), event("c")), {0: 2}, {0: Progress(5)})
    assert (answer.rows, answer.duplicates) == (1, {0: 2})
    assert {p: held.position for p, held in delta.ledger(STREAM).checkpoints().items()} == {
        0: 5,
        1: 5,
    }


def test_positions_survive_more_commits_than_a_checkpoint_holds_apart(delta, root):
    ledger = delta.ledger(STREAM)
    for offset in range(120):
        answer = ledger.append(
            batch(event(f"x{offset % 110}")), {0: offset or None}, {0: Progress(offset + 1)}
        )
        assert isinstance(answer, Stored)
    assert DeltaWarehouse(root.url).events.size().log_entries < 100
    assert delta.ledger(STREAM).checkpoints() == {
        0: Checkpoint(position=120, first_offset=0, duplicates=10)
    }


def test_a_repeat_more_than_24_hours_later_is_left_to_verify(delta):
    delta.ledger(STREAM).append(batch(event("a")), {0: None}, {0: Progress(1)})
    later = event("a", event_time=MORNING + timedelta(hours=26))
    assert delta.ledger(STREAM).append(batch(later), {0: 1}, {0: Progress(2)}) == Stored(1)
    assert delta.events.repeated(limit=5) == (1, [("s1", "a")])
    assert delta.events.repeated(limit=0) == (1, [])


def test_accepting_a_topic_outlives_a_fault(delta, faults):
    ledger = delta.ledger(STREAM)
    faults.due = ["after"]
    ledger.accept_topic()
    assert ledger.checkpoints() == {}


def test_a_checkpoint_beyond_the_version_of_a_new_ledger_is_read_at_its_own_version(delta, outside):
    late = delta.ledger(STREAM)
    delta.ledger(STREAM).append(*FIRST)
    outside().create_checkpoint()
    assert late.append(*SECOND) == Stored(rows=1, duplicates={0: 1})


def test_files_without_statistics_are_searched_for_repeats(root):
    unknown = {"delta.dataSkippingStatsColumns": "payload"}
    DeltaTable.create(root.of(SESSION_EVENTS), ROWS, configuration=unknown)
    warehouse = DeltaWarehouse(root.url)
    warehouse.ledger(STREAM).append(*FIRST)
    assert warehouse.ledger(STREAM).append(*SECOND) == Stored(rows=1, duplicates={0: 1})
