"""Faults and other writers while a ledger writes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from deltalake import DeltaTable, write_deltalake

from classwaves_runtime.clock import ManualClock
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import ROWS
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.delta.compaction import sidecars
from classwaves_warehouse.delta.compaction.file_groups import CompactionPolicy
from classwaves_warehouse.delta.dedup.files import IdentityFiles
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import Fenced, Stored
from classwaves_warehouse.offset_sums import OffsetSums
from tests.support.delta_faults import QUICK
from tests.support.rows import MORNING, STREAM, batch, event, table, timeline

FIRST = batch(event("a"), event("b")), {0: None}, {0: Progress(2)}
SECOND = batch(event("b"), event("c")), {0: 2}, {0: Progress(4)}


def root_of(table):
    return Path(unquote(urlparse(table.table_uri).path))


def ids(warehouse):
    return [row["id"] for row in timeline(warehouse, "s1").to_pylist()]


def test_a_commit_that_landed_with_an_error_is_found_by_its_token(delta, faults):
    ledger = delta.ledger(STREAM)
    faults.due = ["after"]
    assert ledger.append(*FIRST) == Stored(rows=2)
    assert ledger.append(*SECOND) == Stored(rows=1, duplicates={0: 1})
    assert ids(delta) == ["a", "b", "c"]


def test_a_landed_commit_is_found_even_if_the_next_owner_has_moved_on(delta, open_delta, faults):
    advance = replace(QUICK, sleep=lambda _: delta.ledger(STREAM).append(*SECOND))
    ledger = open_delta(retry=advance).ledger(STREAM)
    faults.due = ["after"]
    assert ledger.append(*FIRST) == Stored(rows=2)
    assert ledger.append(*SECOND).rows == 0
    assert ledger.append(batch(), {0: 2}, {0: Progress(3)}) == Fenced({0: 4})


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_commit_with_an_unknown_outcome_is_settled_by_the_next_call(impatient, faults, moment):
    ledger = impatient.ledger(STREAM)
    faults.due = [moment]
    with pytest.raises(
        WarehouseUnavailable,
        match=r"1 attempts.*the store (did not answer|lost its answer).*"
        r"Call again with the same arguments",
    ):
        ledger.append(*FIRST)
    assert ledger.append(*FIRST) == Stored(rows=2)
    assert ids(impatient) == ["a", "b"]


def test_a_lost_answer_to_an_unmoved_commit_leaves_the_counters_right(delta, faults):
    ledger = delta.ledger(STREAM)
    ledger.append(*FIRST)
    faults.due = ["before", "after"]
    ledger.append(batch(), {0: 2}, {0: Progress(2, ingested_through_ms=7)})
    assert ledger.checkpoints() == {
        0: Checkpoint(position=2, first_offset=0, ingested_through_ms=7)
    }


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
def test_other_changes_of_the_table_fence_no_owner(delta, outside, disturb, left):
    ledger = delta.ledger(STREAM)
    ledger.append(*FIRST)
    disturb(outside())
    answer = ledger.append(*SECOND)
    assert (answer.rows, answer.duplicates) == (1, {0: 1})
    assert ids(delta) == left


def test_rows_of_a_foreign_insert_are_known(delta, outside):
    ledger = delta.ledger(STREAM)
    ledger.append(*FIRST)
    write_deltalake(outside(), table(event("c", minutes=90)), mode="append")
    assert ledger.append(batch(event("d")), {0: 2}, {0: Progress(3)}) == Stored(1)
    assert ledger.append(batch(event("c")), {0: 3}, {0: Progress(4)}) == Stored(0, {0: 1}, {0: 1})


def test_files_of_other_writers_are_read_once_when_their_id_shard_is_needed(delta, monkeypatch):
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
    monkeypatch.delattr(IdentityFiles, "identities")
    again = batch(*(event(id_, session_id="s2") for id_ in ("x0", "x6", "y")))
    assert mine.append(again, {0: 7}, {0: Progress(10)}) == Stored(0, duplicates={0: 3})


def test_the_index_starts_again_after_a_needed_file_was_vacuumed(delta, outside):
    mine, theirs = delta.ledger(STREAM), delta.ledger(STREAM)
    mine.append(*FIRST)
    theirs.append(batch(event("x", partition=1)), {1: None}, {1: Progress(1)})
    theirs.append(batch(event("y", partition=1)), {1: 1}, {1: Progress(2)})
    mine.checkpoints()
    outside().optimize.compact()
    outside().vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    answer = mine.append(batch(event("x"), event("y"), event("z")), {0: 2}, {0: Progress(5)})
    assert (answer.rows, answer.duplicates) == (1, {0: 2})


def test_rows_of_other_writers_are_known_after_a_compaction_and_a_vacuum(delta, outside):
    mine, theirs = delta.ledger(STREAM), delta.ledger(STREAM)
    mine.append(*FIRST)
    theirs.append(batch(event("x", partition=1)), {1: None}, {1: Progress(1)})
    theirs.append(batch(event("y", partition=1)), {1: 1}, {1: Progress(2)})
    outside().optimize.compact()
    outside().vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    answer = mine.append(batch(event("x"), event("y"), event("z")), {0: 2}, {0: Progress(5)})
    assert (answer.rows, answer.duplicates) == (1, {0: 2})
    assert answer.dedup.table_reads == 1


def test_a_new_ledger_finds_repeats_in_the_sidecars_of_compacted_files(
    delta, open_delta, monkeypatch
):
    monkeypatch.setattr(sidecars, "_LEAST_ROWS", 3)
    clock = ManualClock(MORNING + timedelta(hours=1))
    delta.ledger(STREAM).append(*FIRST)
    delta.ledger(STREAM).append(*SECOND)
    open_delta(compaction=CompactionPolicy(min_files=2), clock=clock).upkeep().run_once()
    read = []
    identities = IdentityFiles.identities
    monkeypatch.setattr(
        IdentityFiles,
        "identities",
        lambda self, paths, hours=None: read.extend(paths) or identities(self, paths, hours),
    )
    answer = delta.ledger(STREAM).append(
        batch(event("a"), event("c"), event("d")), {0: 4}, {0: Progress(7)}
    )
    assert (answer.rows, answer.duplicates) == (1, {0: 2})
    assert (read, answer.dedup.identities) == ([], 3)


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
    assert {p: each.position for p, each in delta.ledger(STREAM).checkpoints().items()} == {
        0: 5,
        1: 5,
    }


def test_positions_survive_log_checkpoints(delta, root):
    ledger = delta.ledger(STREAM)
    for offset in range(120):
        answer = ledger.append(
            batch(event(f"x{offset % 110}", offset=offset)),
            {0: offset or None},
            {0: Progress(offset + 1)},
        )
        assert isinstance(answer, Stored)
    assert DeltaWarehouse(root.url).events.size().log_entries < 100
    assert delta.ledger(STREAM).checkpoints() == {
        0: Checkpoint(position=120, first_offset=0, duplicates=OffsetSums.of(range(110, 120)))
    }


def test_a_repeat_more_than_24_hours_later_is_left_to_verify(delta):
    delta.ledger(STREAM).append(batch(event("a")), {0: None}, {0: Progress(1)})
    later = event("a", event_time=MORNING + timedelta(hours=26))
    assert delta.ledger(STREAM).append(batch(later), {0: 1}, {0: Progress(2)}) == Stored(1)
    assert delta.events.repeated(limit=5) == (1, [("s1", "a")])
    assert delta.events.repeated(limit=0) == (1, [])


def test_accepting_a_topic_survives_a_fault(delta, faults):
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
    DeltaTable.create(root.url_of(SESSION_EVENTS), ROWS, configuration=unknown)
    warehouse = DeltaWarehouse(root.url)
    warehouse.ledger(STREAM).append(*FIRST)
    assert warehouse.ledger(STREAM).append(*SECOND) == Stored(rows=1, duplicates={0: 1})
