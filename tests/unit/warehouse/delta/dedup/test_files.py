import numpy as np

from classwaves_warehouse.delta.dedup.files import IdentityFiles
from classwaves_warehouse.delta.dedup.identities import hours_of
from classwaves_warehouse.delta.dedup.local_runs import LocalRuns
from classwaves_warehouse.delta.writer import write
from tests.support.rows import MORNING, event, table

FIRST_HOUR = int(MORNING.timestamp()) // 3600


def of_hours(handle, *hours):
    requested = np.array([FIRST_HOUR + hour for hour in hours], dtype=np.int32)
    files = IdentityFiles(handle)
    return sorted(
        int(hour) - FIRST_HOUR
        for chunk in files.identities(files.files(requested), requested)
        for hour in chunk.hours
    )


def test_only_identities_of_the_requested_hours_are_read(outside):
    handle = outside()
    write(handle, table(*(event(str(n), minutes=n * 60) for n in range(5))), {}, "one")
    write(handle, table(event("late", minutes=3 * 60 + 59.999)), {}, "another")
    assert of_hours(handle, 1, 3) == [1, 3, 3]
    assert of_hours(handle, 7) == []


def test_files_of_other_hours_are_not_opened(outside, tmp_path):
    handle = outside()
    write(handle, table(event("a")), {}, "one")
    for file in tmp_path.rglob("*.parquet"):
        file.unlink()
    write(handle, table(event("b", minutes=180)), {}, "another")
    assert of_hours(handle, 1, 2, 3, 4) == [3]


def test_an_hour_holds_its_last_microsecond():
    hours = hours_of(table(event("a", minutes=59.99999999), event("b", minutes=60)))
    assert (hours - FIRST_HOUR).tolist() == [0, 1]


def test_a_sidecar_has_the_identities_of_its_file(outside, tmp_path):
    handle = outside()
    write(handle, table(*(event(str(number)) for number in range(3))), {}, "one")
    write(handle, table(event("other")), {}, "another")
    files = IdentityFiles(handle)
    paths = files.files(np.array([FIRST_HOUR], np.int32))
    (first,) = (path for path in paths if sum(map(len, files.identities([path]))) == 3)
    files.write_sidecar(first)
    assert files.sidecars().keys() == {first}
    ((path, run),) = files.runs(paths, LocalRuns(tmp_path, 0))
    assert (path, len(run)) == (first, 3)
    assert outside().vacuum(retention_hours=0, enforce_retention_duration=False, full=True) == []
    files.remove_sidecar(first)
    assert not files.sidecars()


def test_a_damaged_sidecar_counts_as_none(outside, root, tmp_path, caplog):
    handle = outside()
    write(handle, table(event("a")), {}, "one")
    files = IdentityFiles(handle)
    (path,) = files.files(np.array([FIRST_HOUR], np.int32))
    files.write_sidecar(path)
    (sidecar,) = tmp_path.rglob("*.run")
    sidecar.write_bytes(b"damaged")
    assert list(files.runs([path], LocalRuns(tmp_path, 0))) == []
    assert "are read from the table" in caplog.text
