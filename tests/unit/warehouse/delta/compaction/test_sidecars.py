from datetime import timedelta

import pyarrow as pa
import pytest

from classwaves_runtime.clock import ManualClock
from classwaves_warehouse.delta.compaction import sidecars
from classwaves_warehouse.delta.compaction.file_groups import DataFile
from classwaves_warehouse.delta.compaction.sidecars import SidecarUpkeep
from classwaves_warehouse.delta.dataset import active_files
from classwaves_warehouse.delta.dedup.files import IdentityFiles
from classwaves_warehouse.delta.writer import write
from tests.support.rows import MORNING, event, table


@pytest.fixture
def handle(outside, monkeypatch):
    """Of a table with a file of 10 rows and one of 2."""
    monkeypatch.setattr(sidecars, "_LEAST_ROWS", 10)
    handle = outside()
    write(handle, table(*(event(str(number)) for number in range(10))), {}, "large")
    write(handle, table(event("a"), event("b")), {}, "small")
    return handle


@pytest.fixture
def live(handle):
    files = pa.table(active_files(handle)).to_pylist()
    return [
        DataFile(each["path"], 1, each["num_records"], MORNING, MORNING)
        for each in sorted(files, key=lambda each: -each["num_records"])
    ]


def test_large_recent_files_get_a_sidecar(handle, live):
    SidecarUpkeep(handle, ManualClock(MORNING + timedelta(days=3))).run_once(live)
    assert IdentityFiles(handle).sidecars().keys() == {live[0].path}


def test_old_files_get_none_and_lose_theirs(handle, live):
    IdentityFiles(handle).write_sidecar(live[0].path)
    clock = ManualClock(MORNING + timedelta(days=365 * 99))
    SidecarUpkeep(handle, clock).run_once(live)
    assert not IdentityFiles(handle).sidecars()
    SidecarUpkeep(handle, clock).write(live[0].path, 10, MORNING)
    assert not IdentityFiles(handle).sidecars()


def test_a_young_sidecar_of_a_file_that_is_not_live_yet_stays(handle, live):
    IdentityFiles(handle).write_sidecar(live[0].path)
    written = IdentityFiles(handle).sidecars()[live[0].path]
    for age, kept in ((timedelta(minutes=59), True), (timedelta(minutes=61), False)):
        SidecarUpkeep(handle, ManualClock(written + age)).run_once([])
        assert bool(IdentityFiles(handle).sidecars()) == kept


def test_a_file_of_unknown_age_gets_a_sidecar(handle, live):
    SidecarUpkeep(handle, ManualClock(MORNING)).write(live[0].path, 10, None)
    assert IdentityFiles(handle).sidecars().keys() == {live[0].path}


def test_a_pass_writes_a_few_sidecars(outside, monkeypatch):
    monkeypatch.setattr(sidecars, "_LEAST_ROWS", 1)
    handle = outside()
    for number in range(6):
        write(handle, table(event(str(number))), {}, str(number))
    files = [
        DataFile(path, 1, 1, MORNING, MORNING)
        for path in pa.table(active_files(handle))["path"].to_pylist()
    ]
    upkeep = SidecarUpkeep(handle, ManualClock(MORNING))
    for expected in (4, 6):
        upkeep.run_once(files)
        assert len(IdentityFiles(handle).sidecars()) == expected


def test_a_sidecar_that_cannot_be_written_is_logged(handle, live, caplog):
    SidecarUpkeep(handle, ManualClock(MORNING)).write("missing.parquet", 10, MORNING)
    assert "No sidecar was written for missing.parquet" in caplog.text
