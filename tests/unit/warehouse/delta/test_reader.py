import shutil
from datetime import timedelta
from pathlib import Path
from secrets import token_hex

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from bench.rollup_hour import bytes_read
from classwaves_runtime.clock import ManualClock
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, SESSION_EVENTS
from classwaves_warehouse.delta import reader as reader_module
from classwaves_warehouse.delta.compaction.file_groups import CompactionPolicy
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.writer import write
from classwaves_warehouse.duckdb_session import DuckDBSession, ParquetFiles
from classwaves_warehouse.errors import TableMissing, VersionGone, WarehouseUnavailable
from tests.support.reader_behaviour import HOUR, ReaderBehaviour, places, put
from tests.support.rows import MORNING, event, table, timeline
from tests.support.upkeep_behaviour import fill


class TestDeltaReader(ReaderBehaviour):
    @pytest.fixture
    def warehouse(self, delta):
        return delta


class TestDeltaReaderOfAnObjectStore(ReaderBehaviour):
    @pytest.fixture
    def warehouse(self, delta, monkeypatch):
        monkeypatch.setattr(reader_module, "local_folder", lambda _: None)
        return delta


@pytest.fixture
def compacted(delta, open_delta):
    """A pass of upkeep that merges all files of a table."""
    clock = ManualClock(MORNING + timedelta(hours=12))
    return open_delta(compaction=CompactionPolicy(min_files=2), clock=clock).upkeep().run_once


@pytest.fixture
def defined(monkeypatch):
    """The number of files of each read."""
    numbers = []
    define = DuckDBSession.define

    def spy(session, name, rows):
        if isinstance(rows, ParquetFiles):
            numbers.append(len(rows.paths))
        define(session, name, rows)

    monkeypatch.setattr(DuckDBSession, "define", spy)
    return numbers


def test_a_read_takes_only_the_files_whose_statistics_fit(delta, outside, defined):
    handle = outside()
    for session in ("s1", "s2", "s3"):
        write(handle, table(event("a", session_id=session)), {}, "t")
    for hour in range(4):
        put(delta, DASHBOARD_METRICS_HOURLY, hour, "a")
    defined.clear()
    with delta.reader() as reader:
        pinned = reader.pin([SESSION_EVENTS, DASHBOARD_METRICS_HOURLY])
        assert pinned.timeline("s2", 9).num_rows == 1
        assert pinned.timeline("s4", 9).num_rows == 0
        assert pinned.hourly_rows(MORNING + HOUR, MORNING + 3 * HOUR).num_rows == 2
    assert defined == [1, 0, 2]


def test_a_reader_opens_a_table_once_and_follows_it(delta, outside, monkeypatch):
    opened = []
    open_ = Root.open
    monkeypatch.setattr(Root, "open", lambda root, t: opened.append(t.name) or open_(root, t))
    handle = outside()
    opened.clear()
    with delta.reader() as reader:
        for number in range(3):
            write(handle, table(event(str(number))), {}, "t")
            assert reader.pin([SESSION_EVENTS]).timeline("s1", 9).num_rows == number + 1
    assert opened == ["session_events"]


def test_a_reader_that_cannot_follow_a_table_opens_it_again(delta, outside, monkeypatch):
    def fail(_):
        raise OSError("the store did not answer")

    with delta.reader() as reader:
        reader.pin([SESSION_EVENTS])
        write(outside(), table(event("a")), {}, "t")
        monkeypatch.setattr(DeltaTable, "update_incremental", fail)
        assert reader.pin([SESSION_EVENTS]).timeline("s1", 9).num_rows == 1


def test_a_table_that_appears_is_pinned_next_time(root, delta):
    shutil.rmtree(root.url_of(SESSION_EVENTS))
    with delta.reader() as reader:
        pinned = reader.pin([SESSION_EVENTS])
        with pytest.raises(TableMissing):
            pinned.timeline("s1", 9)
        delta.tables.migrate()
        assert reader.pin([SESSION_EVENTS]).timeline("s1", 9).num_rows == 0


def test_compaction_changes_nothing_in_pinned_tables(delta, compacted):
    rows = fill(delta)
    with delta.reader() as reader:
        pinned = reader.pin([SESSION_EVENTS])
        before = pinned.timeline("s1", 99)
        assert len(before) == len(rows)
        assert compacted()[0].groups == 1
        assert pinned.timeline("s1", 99).equals(before)
        assert reader.pin([SESSION_EVENTS]).timeline("s1", 99).equals(before)


def test_a_deleted_file_ends_the_version_and_the_next_one_is_readable(delta, compacted, outside):
    rows = fill(delta)
    with delta.reader() as reader:
        pinned = reader.pin([SESSION_EVENTS])
        compacted()
        outside().vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
        with pytest.raises(
            VersionGone, match=r"session_events: version \d+ can no longer be read: its file part-"
        ):
            pinned.timeline("s1", 99)
        assert len(reader.pin([SESSION_EVENTS]).timeline("s1", 99)) == len(rows)


def test_deleted_files_end_statements_and_changes_too(delta, compacted, outside):
    fill(delta)
    with delta.reader() as reader:
        pinned = reader.pin([SESSION_EVENTS])
        since = pinned.versions[SESSION_EVENTS.qualified_name] - 1
        compacted()
        outside().vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
        gone = pytest.raises(
            VersionGone, match=r"session_events: version \d+ can no longer be read"
        )
        with gone:
            pinned.query("SELECT id FROM session_events", {})
        with gone:
            pinned.added(SESSION_EVENTS, since, ["id"])


def test_changes_are_found_in_a_table_that_has_moved_on(delta, outside, compacted):
    rows = fill(delta)
    with delta.reader() as reader:
        pinned = reader.pin([SESSION_EVENTS])
        outside().delete("TRUE")
        compacted()
        changed = pinned.added(SESSION_EVENTS, 0, ["id"])
    assert sorted(changed["id"].to_pylist()) == sorted(row["id"] for row in rows)


@pytest.mark.parametrize("content", [b"no Parquet", b"PAR1" + 99 * b"x"])
def test_a_file_that_cannot_be_read_makes_the_warehouse_unavailable(delta, outside, content):
    fill(delta, commits=1)
    folder = Path(outside().table_uri.removeprefix("file://"))
    (file,) = folder.glob("*.parquet")
    file.write_bytes(content)
    with delta.reader() as reader:
        pinned = reader.pin([SESSION_EVENTS])
        since = pinned.versions[SESSION_EVENTS.qualified_name] - 1
        for read in (
            lambda: pinned.timeline("s1", 99),
            lambda: pinned.query("SELECT id FROM session_events", {}),
            lambda: pinned.added(SESSION_EVENTS, since, ["id"]),
        ):
            with pytest.raises(WarehouseUnavailable) as failed:
                read()
            assert not isinstance(failed.value, VersionGone)


def test_files_of_older_contracts_have_null_in_newer_columns(delta, outside):
    handle = outside()
    write(handle, table(event("b", minutes=1, trace_id="t")), {}, "t")
    (path,) = handle.file_uris()
    file = Path(path.removeprefix("file://"))
    rows = pa.parquet.read_table(file)
    write(handle, table(event("a")), {}, "t")
    pa.parquet.write_table(rows.drop_columns(["trace_id"]), file)
    assert timeline(delta)["trace_id"].to_pylist() == [None, None]


def test_a_folder_with_a_quote_in_its_name_is_readable(tmp_path, open_delta):
    warehouse = type(open_delta())(str(tmp_path / 'it\'s "here"'))
    warehouse.tables.migrate()
    put(warehouse, DASHBOARD_METRICS_HOURLY, 0, "a")
    with warehouse.reader() as reader:
        pinned = reader.pin([DASHBOARD_METRICS_HOURLY])
        assert places(pinned.hourly_rows(MORNING, MORNING + HOUR)) == [(0, "a")]


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="the system counts no bytes")
def test_a_timeline_reads_few_bytes_of_compacted_files_whatever_their_ranges(
    delta, open_delta, outside
):
    handle = outside()
    names = [token_hex(16) for _ in range(2_000)]
    rows = [
        event(token_hex(16), session_id=name, payload=f'{{"groupId":"{token_hex(64)}"}}')
        for name in names * 5
    ]
    for part in range(20):
        write(handle, table(*rows[part::20]), {}, "t")
    clock = ManualClock(MORNING + timedelta(hours=12))
    policy = CompactionPolicy(min_files=2, max_files=2)
    assert open_delta(compaction=policy, clock=clock).upkeep().run_once()[0].groups == 8
    with delta.reader() as reader:
        pinned = reader.pin([SESSION_EVENTS])
        pinned.timeline(names[0], 9)
        before = bytes_read()
        assert pinned.timeline(names[1], 9).num_rows == 5
        assert bytes_read() - before < delta.events.size().bytes / 4
