import numpy as np

from classwaves_warehouse.delta.identities import IdentityFiles, hours_of
from classwaves_warehouse.delta.writer import write
from tests.support.rows import MORNING, event, table

FIRST_HOUR = int(MORNING.timestamp()) // 3600


def of_hours(handle, *hours):
    requested = np.array([FIRST_HOUR + hour for hour in hours], dtype=np.int32)
    return sorted(
        int(hour) - FIRST_HOUR
        for chunk in IdentityFiles(handle).of_hours(requested)
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
