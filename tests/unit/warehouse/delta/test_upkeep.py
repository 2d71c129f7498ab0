import os
import shutil
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from deltalake import DeltaTable

from classwaves_runtime.clock import ManualClock
from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY, ROLLUP_RUNS, SESSION_EVENTS, TABLES
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.delta.compaction.file_groups import CompactionPolicy
from classwaves_warehouse.delta.log import Log, LogTail
from classwaves_warehouse.delta.retention import RETENTION_PROPERTIES, unset_retention
from classwaves_warehouse.delta.upkeep import CLEANUP_SECONDS
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.delta.writer import write
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import Stored, TableUpkeep
from classwaves_warehouse.offset_sums import OffsetSums
from tests.support.rollup_store_behaviour import facts
from tests.support.rows import MORNING, STREAM, batch, event, table
from tests.support.upkeep_behaviour import COMMITS, UpkeepBehaviour, fill
from tests.support.warehouse_faults import strike_at


@pytest.fixture
def clock():
    return ManualClock(MORNING + timedelta(hours=12))


class TestDeltaUpkeep(UpkeepBehaviour):
    @pytest.fixture
    def warehouse(self, delta, open_delta, clock):
        return open_delta(compaction=CompactionPolicy(min_files=2), clock=clock)


def test_the_report_of_a_table_has_all_counts(delta, open_delta, clock, outside):
    fill(delta)
    warehouse = open_delta(
        compaction=CompactionPolicy(min_files=2, max_files=4, max_groups=2), clock=clock
    )
    upkeep = warehouse.upkeep()
    events, *others = upkeep.run_once()
    assert events == TableUpkeep(
        SESSION_EVENTS.qualified_name,
        files_before=COMMITS,
        files_after=COMMITS - 6,
        groups=2,
        rows=16,
        bytes=events.bytes,
        unfinished=True,
    )
    assert others == [TableUpkeep(table.qualified_name, 0, 0) for table in TABLES[1:]]
    assert upkeep.run_once()[0].unfinished is False


def test_a_second_pass_has_nothing_to_rewrite(delta, open_delta, clock):
    fill(delta)
    warehouse = open_delta(compaction=CompactionPolicy(min_files=2), clock=clock)
    assert warehouse.upkeep().run_once()[0].groups == 1
    assert warehouse.upkeep().run_once()[0].groups == 0


def test_a_lost_group_is_counted_and_the_next_one_is_rewritten(
    delta, open_delta, clock, outside, monkeypatch
):
    fill(delta)
    warehouse = open_delta(compaction=CompactionPolicy(min_files=2, max_files=5), clock=clock)
    strike_at(monkeypatch, "upkeep-written")(lambda: outside().delete("id = '0-b'"))
    report = warehouse.upkeep().run_once()[0]
    assert (report.lost, report.groups) == (1, 1)


def test_missing_tables_have_no_report(tmp_path, root):
    assert DeltaWarehouse(str(tmp_path)).upkeep().run_once() == []
    DeltaWarehouse(str(tmp_path)).tables.migrate()
    shutil.rmtree(root.url_of(ROLLUP_FACTS_HOURLY))
    assert len(DeltaWarehouse(str(tmp_path)).upkeep().run_once()) == 3


def test_upkeep_sets_the_retention_of_an_older_table_and_keeps_an_operators(delta, root, outside):
    runs = root.open(ROLLUP_RUNS)
    for handle in (runs, outside()):
        assert unset_retention(handle) == {}
    shutil.rmtree(root.url_of(ROLLUP_RUNS))
    own = {"delta.logRetentionDuration": "interval 7 days"}
    DeltaTable.create(root.url_of(ROLLUP_RUNS), arrow_schema(ROLLUP_RUNS), configuration=own)
    delta.upkeep().run_once()
    assert root.open(ROLLUP_RUNS).metadata().configuration == RETENTION_PROPERTIES | own


def test_a_long_tail_of_the_log_ends_in_a_checkpoint(delta, outside):
    upkeep = delta.upkeep()
    upkeep.run_once()
    handle = outside()
    handle.alter.set_table_properties({"delta.checkpointInterval": "1000"})
    for _ in range(100):
        write(handle, table(), {}, "t")
    assert Log(handle).checkpointed_version() == -1
    upkeep.run_once()
    assert Log(handle).checkpointed_version() == handle.version() == 101


def make_old(folder, days=2):
    """Make all files and log entries older than the retention."""
    moment = time.time() - days * 86_400
    for file in folder.rglob("*.*"):
        os.utime(file, (moment, moment))


def test_expired_log_entries_and_files_are_deleted_once_an_hour(
    delta, open_delta, outside, clock, tmp_path
):
    folder = Path(outside().table_uri.removeprefix("file://"))
    upkeep = open_delta(clock=clock).upkeep()
    upkeep.run_once()
    write(outside(), table(event("a")), {}, "t")
    (folder / "old-orphan.parquet").write_text("of a commit that never landed")
    outside().create_checkpoint()
    make_old(folder)
    (folder / "young-orphan.parquet").write_text("of a commit that may land")
    assert (report := upkeep.run_once()[0]).vacuumed == report.log_entries == 0
    clock.advance(CLEANUP_SECONDS)
    report = upkeep.run_once()[0]
    assert (report.vacuumed, report.log_entries) == (1, 1)
    names = {file.name for file in folder.glob("*.parquet")}
    assert "young-orphan.parquet" in names
    assert "old-orphan.parquet" not in names
    assert delta.events.size().rows == 1


@pytest.mark.parametrize("commit", ["append", "hour", "compaction"])
def test_a_commit_leaves_expired_log_entries_to_the_next_cleanup(
    delta, open_delta, outside, clock, commit, root
):
    fill(delta)
    facts(delta.rollup(), "a")
    upkeep = open_delta(compaction=CompactionPolicy(min_files=2), clock=clock).upkeep()
    name = "rollup_facts_hourly" if commit == "hour" else "session_events"
    log = Path(root.url) / "analytics" / name / "_delta_log"
    DeltaTable(log.parent).create_checkpoint()
    make_old(log)
    before = set(log.glob("*.json"))
    if commit == "append":
        write(outside(), table(event("a")), {}, "t")
    elif commit == "hour":
        facts(delta.rollup(), "b")
    else:
        upkeep._open(SESSION_EVENTS)._compact()
    assert set(log.glob("*.json")) > before
    upkeep.run_once()
    assert not set(log.glob("*0000.json"))


def test_files_that_are_no_longer_live_are_kept_for_the_retention(
    delta, open_delta, outside, clock
):
    fill(delta)
    folder = Path(outside().table_uri.removeprefix("file://"))
    make_old(folder)
    warehouse = open_delta(compaction=CompactionPolicy(min_files=2), clock=clock)
    assert warehouse.upkeep().run_once()[0].vacuumed == 0
    assert len([*folder.glob("*.parquet")]) == COMMITS + 1


def test_positions_counters_shards_and_epochs_survive_a_compaction_without_any_old_log_entry(
    delta, open_delta, outside, clock, root
):
    fill(delta)
    ledger = delta.ledger(STREAM)
    end = 2 * COMMITS
    progress = Progress(
        end + 3,
        leader_epoch=7,
        holes=OffsetSums.of(np.array([end + 1])),
        dead_lettered={"empty": OffsetSums.of(np.array([end + 2]))},
        ingested_through_ms=1_000_000_000_000,
    )
    repeat = event("0-a", minutes=10, offset=end)
    ledger.append(batch(repeat), {0: end}, {0: progress})
    ledger.acknowledge_expired({0: 3})
    tail = LogTail(outside())
    tail.catch_up()
    before = dict(tail.transactions)
    checkpoints = ledger.checkpoints()
    assert checkpoints[0].leader_epoch == 7
    upkeep = open_delta(compaction=CompactionPolicy(min_files=2), clock=clock).upkeep()
    upkeep.run_once()
    make_old(Path(outside().table_uri.removeprefix("file://")))
    outside().create_checkpoint()
    clock.advance(CLEANUP_SECONDS)
    report = upkeep.run_once()[0]
    assert report.log_entries == outside().version()
    tail = LogTail(outside())
    tail.catch_up()
    assert tail.transactions == before | {"upkeep": 1}
    assert delta.ledger(STREAM).checkpoints() == ledger.checkpoints() == checkpoints
    answer = ledger.append(batch(event("new")), {0: end + 3}, {0: Progress(end + 4)})
    assert answer == Stored(1)


def test_a_table_that_cannot_be_cleaned_up_does_not_keep_the_others_from_it(
    delta, open_delta, clock, root, monkeypatch
):
    cleaned = []

    def fail(handle, **_):
        if SESSION_EVENTS.name in handle.table_uri:
            raise OSError("the store did not answer")
        cleaned.append(handle.table_uri)
        return []

    monkeypatch.setattr(DeltaTable, "vacuum", fail)
    with pytest.raises(WarehouseUnavailable, match="was not cleaned up: the store did not answer"):
        delta.upkeep().run_once()
    assert len(cleaned) == len(TABLES) - 1
