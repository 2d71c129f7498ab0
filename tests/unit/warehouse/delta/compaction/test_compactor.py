import logging
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from classwaves_runtime.clock import ManualClock
from classwaves_runtime.errors import InjectedFault
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, SESSION_EVENTS
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.delta.compaction import sidecars
from classwaves_warehouse.delta.compaction.compactor import UPKEEP, Compactor
from classwaves_warehouse.delta.compaction.file_groups import CompactionPolicy
from classwaves_warehouse.delta.dataset import active_files
from classwaves_warehouse.delta.dedup.files import IdentityFiles
from classwaves_warehouse.delta.log import Log, LogTail
from classwaves_warehouse.delta.writer import write
from classwaves_warehouse.errors import WarehouseRefused, WarehouseUnavailable
from tests.support.delta_faults import QUICK
from tests.support.rows import MORNING, STREAM, batch, event, table
from tests.support.warehouse_faults import strike_at

FILES = 6
POLICY = CompactionPolicy(min_files=2, max_files=3)


@pytest.fixture
def compactor(root, delta):
    """Makes a compactor of session_events with groups of three files."""

    def make(**policy):
        given = CompactionPolicy(**{"min_files": 2, "max_files": 3} | policy)
        clock = ManualClock(MORNING + timedelta(hours=12))
        return Compactor(root.open(SESSION_EVENTS), SESSION_EVENTS, given, QUICK, clock)

    return make


@pytest.fixture
def small_files(outside):
    """A handle of session_events with six files of two events."""
    handle = outside()
    for number in range(FILES):
        rows = (event(f"{number}-{each}", minutes=number) for each in "ab")
        write(handle, table(*rows), {}, "t")
    return handle


@pytest.fixture
def stored(outside):
    """The ids of all stored rows, sorted."""
    return lambda: sorted(outside().to_pyarrow_table(columns=["id"])["id"].to_pylist())


@pytest.fixture
def orphans(outside):
    """The number of data files in the folder that no version has."""

    def count():
        handle = outside()
        folder = Path(handle.table_uri.removeprefix("file://"))
        log = Log(handle)
        known = {path for n in range(handle.version() + 1) for path in added(log, n)}
        return len({file.name for file in folder.glob("*.parquet")} - known)

    def added(log, version):
        actions, _ = log._commit(version)
        return [action["add"]["path"] for action in actions if "add" in action]

    return count


ALL = sorted(f"{number}-{each}" for number in range(FILES) for each in "ab")


def run(compactor):
    return [compactor.rewrite(group) for group in compactor.plan()]


def test_each_group_becomes_one_file_in_a_commit_that_changes_no_data(
    compactor, small_files, stored, orphans, outside
):
    each = compactor()
    done = run(each)
    assert [found.rows for found in done] == [6, 6]
    assert each.live_files() == 2
    assert sum(found.bytes for found in done) == sum(
        active_files(outside())["size_bytes"].to_pylist()
    )
    assert stored() == ALL
    assert orphans() == 0
    log, tail = Log(outside()), LogTail(outside())
    tail.catch_up()
    assert tail.transactions == {UPKEEP: 2}
    change = log.change(outside().version())
    assert (change.added, change.removed) == ({}, {})
    assert outside().history(1)[0]["upkeep"] == "compaction"


def test_big_files_are_left_alone_and_a_second_run_does_nothing(compactor, small_files):
    run(compactor())
    assert compactor(max_rows=12).plan() == []


def test_files_that_another_compactor_replaced_are_a_lost_group(
    compactor, small_files, stored, orphans
):
    one, other = compactor(), compactor()
    groups = one.plan()
    run(other)
    assert [one.rewrite(group) for group in groups] == [None, None]
    assert stored() == ALL
    assert orphans() == 0


@pytest.mark.parametrize("point", ["upkeep-written", "upkeep-checked"])
def test_files_that_another_compactor_replaces_before_the_commit_are_not_replaced_again(
    compactor, small_files, stored, monkeypatch, point
):
    one, other = compactor(), compactor()
    strike_at(monkeypatch, point)(lambda: run(other))
    assert run(one) == [None, None]
    assert stored() == ALL


@pytest.mark.parametrize("point", ["upkeep-written", "upkeep-checked"])
@pytest.mark.parametrize("fenced", [True, False], ids=["with upkeep id", "of another tool"])
def test_rows_that_are_deleted_before_the_commit_do_not_return(
    compactor, small_files, stored, outside, monkeypatch, point, fenced
):
    properties = CommitProperties(app_transactions=[Transaction(UPKEEP, 1)]) if fenced else None
    strike_at(monkeypatch, point)(
        lambda: outside().delete("id = '1-a'", commit_properties=properties)
    )
    run(compactor())
    assert stored() == sorted({*ALL} - {"1-a"})


def test_files_that_a_compaction_of_another_tool_replaced_are_not_replaced_again(
    compactor, small_files, stored, outside, monkeypatch
):
    strike_at(monkeypatch, "upkeep-checked")(outside().optimize.compact)
    assert run(compactor()) == [None, None]
    assert stored() == ALL


def test_an_upkeep_commit_of_another_writer_loses_a_group_even_if_its_files_are_live(
    compactor, small_files, outside, stored, monkeypatch
):
    strike_at(monkeypatch, "upkeep-written")(
        lambda: write(outside(), table(event("new")), {UPKEEP: 1}, "t")
    )
    assert [found is None for found in run(compactor())] == [True, False]
    assert stored() == sorted([*ALL, "new"])


@pytest.mark.parametrize("point", ["upkeep-written", "upkeep-checked"])
def test_appends_during_a_compaction_are_kept(
    compactor, small_files, stored, outside, monkeypatch, point
):
    strike_at(monkeypatch, point)(lambda: write(outside(), table(event("new")), {}, "t"))
    assert None not in run(compactor())
    assert stored() == sorted([*ALL, "new"])


def test_a_table_that_gets_a_commit_at_each_attempt_keeps_its_files(
    compactor, small_files, outside, stored, caplog, monkeypatch
):
    def interfere():
        strike_at(monkeypatch, "upkeep-checked")(interfere)
        write(outside(), table(), {}, "t")

    interfere()
    groups = (each := compactor()).plan()
    assert each.rewrite(groups[0]) is None
    assert "3 files were not replaced after 20 attempts. The next pass tries again" in caplog.text
    assert stored() == ALL


def test_a_commit_that_landed_and_whose_answer_was_lost_is_found_in_the_log(
    compactor, small_files, stored, monkeypatch
):
    def fail():
        raise InjectedFault("the answer was lost")

    strike_at(monkeypatch, "upkeep-committed")(fail)
    assert [found.rows for found in run(compactor())] == [6, 6]
    assert stored() == ALL


def test_a_commit_that_landed_is_found_by_its_token_if_its_file_was_replaced_already(
    compactor, small_files, stored, monkeypatch
):
    def replace_and_fail():
        run(compactor(min_files=2, max_files=10))
        raise InjectedFault("the answer was lost")

    each = compactor()
    group = each.plan()[0]
    strike_at(monkeypatch, "upkeep-committed")(replace_and_fail)
    assert each.rewrite(group).rows == 6
    assert stored() == ALL


def test_a_fault_before_a_commit_is_tried_again(compactor, small_files, stored, monkeypatch):
    def fail():
        raise InjectedFault("the store did not answer")

    strike_at(monkeypatch, "upkeep-checked")(fail)
    assert None not in run(compactor())
    assert stored() == ALL


def test_a_table_that_cannot_be_read_is_unavailable(compactor, small_files, monkeypatch):
    def fail(*_):
        raise OSError("the store did not answer")

    each = compactor()
    groups = each.plan()
    monkeypatch.setattr(DeltaTable, "update_incremental", fail)
    with pytest.raises(WarehouseUnavailable, match=r"session_events.* cannot be read: the store"):
        compactor().plan()
    with pytest.raises(WarehouseUnavailable, match="whether files were replaced is unknown"):
        each.rewrite(groups[0])


def test_a_group_whose_file_was_vacuumed_is_lost(compactor, small_files, outside):
    each = compactor()
    groups = each.plan()
    outside().optimize.compact()
    outside().vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert each.rewrite(groups[0]) is None


def test_a_folder_that_cannot_be_written_is_unavailable(compactor, small_files, root, monkeypatch):
    def fail(*_, **__):
        raise OSError("no space left on device")

    each = compactor()
    groups = each.plan()
    monkeypatch.setattr("classwaves_warehouse.delta.compaction.compactor.write_file", fail)
    with pytest.raises(WarehouseUnavailable, match="were not rewritten: no space left"):
        each.rewrite(groups[0])


def test_rows_that_do_not_fit_the_table_are_refused(compactor, outside, root):
    handle = outside()
    for number in range(3):
        write(handle, table(event(str(number))), {}, "t")
    [path, *_] = active_files(handle)["path"].to_pylist()
    broken = table(event("x")).to_pylist()[0] | {"teacher_id": None}
    schema = pa.schema([field.with_nullable(True) for field in table().schema])
    pa.parquet.write_table(
        pa.Table.from_pylist([broken], schema), f"{root.url_of(SESSION_EVENTS)}/{path}"
    )
    with pytest.raises(WarehouseRefused, match="rows that do not fit the table"):
        run(compactor())


def test_columns_that_the_contract_does_not_have_are_kept(compactor, outside):
    handle = outside()
    for number in range(3):
        rows = table(event(str(number))).append_column("note", pa.array([f"note {number}"]))
        write_deltalake(handle, rows, mode="append", schema_mode="merge")
    write(handle, table(event("none", minutes=1)), {}, "t")
    assert run(compactor(max_files=4))[0].rows == 4
    notes = outside().to_pyarrow_table()["note"].to_pylist()
    assert notes == ["note 0", "note 1", "note 2", None]


@pytest.mark.parametrize("table", [DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY])
def test_days_of_the_rollup_stay_apart_until_their_month_is_sealed_and_sorted_by_school(
    root, delta, table
):
    handle = root.open(table)
    schema = pa.schema(handle.schema().to_arrow())
    text = {name: "x" for name in ("id", "source", "fact") if name in schema.names}
    hours = [MORNING + timedelta(days=day, hours=hour) for day in range(3) for hour in range(2)]
    for hour in hours:
        rows = [{**text, "school_id": school, "metric_hour": hour} for school in ("b", "a")]
        write_deltalake(handle, pa.Table.from_pylist(rows, schema), mode="append")
    clock = ManualClock(MORNING + timedelta(days=20))
    each = Compactor(handle, table, POLICY, QUICK, clock)
    run(each)
    files = active_files(handle)
    assert sorted(files["min.metric_hour"].to_pylist()) == hours[::2]
    assert sorted(files["max.metric_hour"].to_pylist()) == hours[1::2]
    clock.advance(timedelta(days=60).total_seconds())
    run(each)
    [path] = active_files(handle)["path"].to_pylist()
    found = pa.parquet.read_table(f"{root.url_of(table)}/{path}")
    assert found["school_id"].to_pylist() == ["a"] * 6 + ["b"] * 6
    assert found["metric_hour"].to_pylist() == hours * 2


def test_a_table_in_an_object_store_is_compacted(compactor, small_files, stored, monkeypatch):
    each = compactor()
    monkeypatch.setattr(DeltaTable, "table_uri", "s3://bucket/place/")
    assert [found.rows for found in run(each)] == [6, 6]
    monkeypatch.undo()
    assert stored() == ALL


def test_a_file_whose_path_is_escaped_in_the_log_is_replaced(compactor, outside, stored, root):
    handle = outside()
    folder = Path(root.url_of(SESSION_EVENTS))
    for number in range(3):
        write(handle, table(event(str(number))), {}, "t")
    for entry in (folder / "_delta_log").glob("*.json"):
        entry.write_text(entry.read_text().replace('"path":"part', '"path":"a%20part'))
    for file in folder.glob("*.parquet"):
        file.rename(folder / f"a {file.name}")
    assert [found.rows for found in run(compactor())] == [3]
    assert active_files(outside()).num_rows == 1
    assert stored() == ["0", "1", "2"]


def test_a_table_with_partitions_is_left_alone(tmp_path):
    rows = table(*(event(str(number), session_id=f"s{number}") for number in range(3)))
    write_deltalake(tmp_path, rows, partition_by=["session_id"])
    clock = ManualClock(MORNING + timedelta(hours=12))
    assert Compactor(DeltaTable(tmp_path), SESSION_EVENTS, POLICY, QUICK, clock).plan() == []


def test_checkpoints_survive_compaction_and_no_consumer_is_fenced(delta, compactor, caplog):
    caplog.set_level(logging.WARNING)
    ledger = delta.ledger(STREAM)
    for number in range(4):
        ledger.append(
            batch(event(str(number), offset=number)),
            {0: number or None},
            {0: Progress(number + 1, first_offset=0)},
        )
    before = ledger.checkpoints()
    assert None not in run(compactor(max_files=4))
    assert delta.ledger(STREAM).checkpoints() == before
    assert delta.events.size().files == 1
    assert caplog.text == ""


def test_a_large_result_has_a_sidecar_before_it_is_live(compactor, small_files, monkeypatch):
    monkeypatch.setattr(sidecars, "_LEAST_ROWS", 6)
    compacting, found = compactor(), []

    def look():
        files = IdentityFiles(small_files).sidecars()
        found.extend(path for path in files if path not in paths(small_files))

    strike_at(monkeypatch, "upkeep-written")(look)
    compacting.rewrite(compacting.plan()[0])
    small_files.update_incremental()
    assert len(found) == 1
    assert found[0] in paths(small_files)


def test_large_files_without_a_sidecar_get_one(compactor, small_files, monkeypatch):
    monkeypatch.setattr(sidecars, "_LEAST_ROWS", 2)
    compacting = compactor()
    compacting.plan()
    compacting.keep_sidecars()
    compacting.keep_sidecars()
    assert IdentityFiles(small_files).sidecars().keys() == set(paths(small_files))


def paths(handle):
    return pa.table(active_files(handle))["path"].to_pylist()
