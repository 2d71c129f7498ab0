import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_warehouse.delta.dedup.identities import Identities, SortedRuns
from classwaves_warehouse.delta.dedup.index import DedupIndex
from classwaves_warehouse.settings import DedupLimits
from tests.support.rows import MORNING, batch, event


class Stored:
    """A table of one file that counts how often it is read, and for which hours."""

    def __init__(self, *events):
        self.found = Identities.of(batch(*events))
        self.reads = []

    def files(self, hours):
        self.reads.append(hours.tolist())
        return ["1.parquet"]

    def runs(self, paths, local):
        yield from ()

    def identities(self, paths, hours=None):
        found = self.found
        yield found if hours is None else found.take(np.isin(found.hours, hours))

    def add_to(self, index, *events):
        self.found = Identities.concatenated([self.found, Identities.of(batch(*events))])
        index.add(Identities.of(batch(*events)))


class StoredInSidecars(Stored):
    """A table of one file with a sidecar."""

    def runs(self, paths, local):
        for path in paths:
            yield path, local.write(self.found.in_order())

    def identities(self, paths, hours=None):
        assert not paths
        yield from ()


def index_of(identities=1000, **limits):
    return DedupIndex(DedupLimits(identities, **limits))


def new_rows(index, stored, *events):
    return index.deduplicate(batch(*events), stored).new.tolist()


def test_hours_are_read_once():
    index, stored = index_of(), Stored(event("a"), event("b"))
    assert new_rows(index, stored, event("a"), event("c")) == [False, True]
    stored.add_to(index, event("c"))
    assert new_rows(index, stored, event("c", minutes=59), event("b"), event("d")) == [
        False,
        False,
        True,
    ]
    assert len(stored.reads) == 1


def test_a_prepared_index_reads_nothing_for_a_batch_of_that_time():
    index, stored = index_of(), Stored(event("a"))
    hour = int(MORNING.timestamp()) // 3600
    index.prepare(hour, stored)
    index.prepare(hour, stored)
    assert new_rows(index, stored, event("a"), event("b")) == [False, True]
    assert len(stored.reads) == 1


def test_the_next_hour_reads_one_more_hour():
    index, stored = index_of(), Stored(event("a"))
    new_rows(index, stored, event("x"))
    new_rows(index, stored, event("x", minutes=60))
    assert [len(hours) for hours in stored.reads] == [49, 1]


def test_a_distant_event_time_reads_its_own_hours_once():
    index, stored = index_of(), Stored(event("a"))
    distant = event("x", event_time=MORNING.replace(year=2001))
    new_rows(index, stored, event("a"), distant)
    for _ in range(3):
        assert new_rows(index, stored, event("a"), distant, event("b")) == [False, True, True]
    assert [len(hours) for hours in stored.reads] == [98]


@pytest.mark.parametrize("table", [Stored, StoredInSidecars])
@pytest.mark.parametrize("in_memory", [1, 2, 100])
@pytest.mark.parametrize("capacity", [0, 1, 2, 3, 100])
def test_a_batch_is_deduplicated_within_any_limits(capacity, in_memory, table):
    events = [event(str(n), minutes=n * 30) for n in range(6)]
    index, stored = index_of(capacity, in_memory=in_memory), table(*events[:4])
    for _ in range(3):
        assert new_rows(index, stored, *events) == [False] * 4 + [True] * 2


def test_the_least_recently_needed_hours_are_evicted():
    index, stored = index_of(2), Stored(event("mon"), event("wed", minutes=2 * 1440))
    monday, wednesday, friday = (
        event("mon"),
        event("wed", minutes=2 * 1440),
        event("fri", minutes=4 * 1440 + 60),
    )
    for one in (monday, wednesday, wednesday):
        assert new_rows(index, stored, one) == [False]
    assert len(stored.reads) == 2
    assert new_rows(index, stored, friday) == [True]
    stored.add_to(index, friday)
    stored.reads.clear()
    assert new_rows(index, stored, wednesday) == [False]
    assert stored.reads == []
    assert new_rows(index, stored, monday) == [False]
    assert len(stored.reads) == 1


def test_reading_hours_evicts_others():
    days = [event(str(day), minutes=day * 3000) for day in range(3)]
    index, stored = index_of(2), Stored(*days)
    for day in days:
        assert new_rows(index, stored, day) == [False]
    assert new_rows(index, stored, days[2]) == [False]
    assert len(stored.reads) == 3
    assert new_rows(index, stored, days[0]) == [False]
    assert len(stored.reads) == 4


def test_identities_of_hours_that_are_not_covered_are_ignored():
    index, stored = index_of(), Stored(event("a"))
    new_rows(index, stored, event("a"))
    index.add(Identities.of(batch(event("far", event_time=MORNING.replace(year=2001)))))
    assert new_rows(index, stored, event("far")) == [True]


def test_adding_known_identities_changes_nothing():
    index, stored = index_of(2), Stored(event("a"), event("b"))
    new_rows(index, stored, event("a"))
    for _ in range(5):
        index.add_files(["1.parquet"], stored)
    assert new_rows(index, stored, event("a"), event("b")) == [False, False]
    assert len(stored.reads) == 1


def test_identities_beyond_a_limit_of_memory_move_to_disk(tmp_path):
    index, stored = index_of(in_memory=3, folder=tmp_path), Stored(event("a"))
    new_rows(index, stored, event("a"))
    stored.add_to(index, event("b"))
    assert (index.load.identities, index.load.disk_bytes) == (2, 0)
    stored.add_to(index, event("c"), event("d"))
    load = index.load
    assert load.identities == 4
    assert load.disk_bytes > 4 * 32
    assert load.memory_bytes < 4 * 36
    assert list(tmp_path.iterdir()) == []
    assert new_rows(index, stored, *map(event, "abcde")) == [False] * 4 + [True]
    assert len(stored.reads) == 1


@pytest.mark.parametrize(
    "limits", [{"folder": "missing"}, {"disk_bytes": 90}], ids=["no folder", "full"]
)
def test_without_disk_the_index_keeps_what_memory_holds_and_reads_the_rest_again(
    limits, tmp_path, caplog
):
    if "folder" in limits:
        limits = {"folder": tmp_path / "missing"}
    index, stored = index_of(in_memory=3, **limits), Stored()
    days = [event(str(day), minutes=day * 3000) for day in range(14)]
    for number, day in enumerate(days):
        assert new_rows(index, stored, *days[: number + 1]) == [False] * number + [True]
        stored.add_to(index, day)
    assert sum(map(len, stored.reads)) > 14 * 49
    assert index.load.identities <= 12
    assert index.load.disk_bytes == 0
    assert caplog.text.count("Deduplication stays exact") == 1


def test_hours_that_no_batch_needs_are_dropped_when_a_run_is_written():
    index, stored = index_of(in_memory=2), Stored()
    for number in range(4):
        sunday = event(f"old-{number}")
        new_rows(index, stored, sunday)
        stored.add_to(index, sunday)
    for number in range(6):
        friday = event(str(number), minutes=5 * 1440)
        new_rows(index, stored, friday)
        stored.add_to(index, friday)
    assert index.load.identities == 6
    assert new_rows(index, stored, event("old-0"), event("new")) == [False, True]


def test_a_sidecar_is_opened_once_for_all_of_its_hours():
    stored = StoredInSidecars(event("a"), event("b", minutes=60))
    index = index_of()
    assert new_rows(index, stored, event("a")) == [False]
    assert new_rows(index, stored, event("b", minutes=60), event("c")) == [False, True]
    index.add_files(["1.parquet"], stored)
    assert index.load.identities == 2


def test_an_index_with_a_damaged_run_starts_again(monkeypatch, caplog):
    index, stored = index_of(in_memory=1), Stored(event("a"))
    assert new_rows(index, stored, event("a"), event("b")) == [False, True]
    stored.add_to(index, event("b"))
    with monkeypatch.context() as broken:
        broken.setattr(os, "pread", lambda *_: b"")
        assert new_rows(index, stored, event("a"), event("b"), event("c")) == [False, False, True]
    assert "starts again" in caplog.text
    assert len(stored.reads) == 2
    assert new_rows(index, stored, event("a"), event("c")) == [False, True]


def test_a_read_that_fails_leaves_no_file_open(monkeypatch):
    index, stored = index_of(), StoredInSidecars(event("a"))
    monkeypatch.setattr(stored, "identities", lambda *_: (_ for _ in [1 / 0]))
    descriptors = Path("/proc/self/fd")
    opened = len(list(descriptors.iterdir()))
    with pytest.raises(ZeroDivisionError):
        new_rows(index, stored, event("a"))
    assert len(list(descriptors.iterdir())) == opened
    assert index.load.identities == 0


@given(
    st.lists(st.lists(st.integers(0, 200), max_size=40), max_size=12), st.sets(st.integers(0, 9))
)
def test_sorted_runs_find_what_was_added_and_not_dropped(additions, dropped):
    runs, present = SortedRuns(), {}
    for numbers in additions:
        new = sorted(set(numbers) - set(present), key=lambda number: number * 7919 % 211)
        present.update(dict.fromkeys(new))
        runs.add(_identities(new))
    assert len(runs) == len(present)
    assert sum(runs.count_by_hour().values()) == len(present)
    runs.drop(np.array(sorted(dropped), dtype=np.int32))
    found = runs.find(_identities(range(201)).digests)
    expected = [number in present and number % 10 not in dropped for number in range(201)]
    assert found.known.tolist() == expected
    assert found.fingerprints.tolist() == [
        number + 1 if here else 0 for number, here in enumerate(expected)
    ]
    assert found.origins.tolist() == [
        number + 7 if here else 0 for number, here in enumerate(expected)
    ]


def _identities(numbers):
    # Trailing zero bytes are part of a digest.
    digests = np.array([number.to_bytes(2, "big") + b"\0" * 14 for number in numbers], dtype="S16")
    values = np.array(numbers, np.uint64)
    return Identities(
        digests, values + np.uint64(1), values + np.uint64(7), np.array(numbers, np.int32) % 10
    )
