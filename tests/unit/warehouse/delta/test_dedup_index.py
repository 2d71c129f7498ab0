import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_warehouse.delta.dedup_index import DedupIndex
from classwaves_warehouse.delta.identities import Identities, SortedRuns
from tests.support.rows import MORNING, batch, event


class Stored:
    """A table that counts how often it is read, and for which hours."""

    def __init__(self, *events):
        self.identities = Identities.of(batch(*events))
        self.reads = []

    def read(self, hours):
        self.reads.append(hours.tolist())
        yield self.identities.take(np.isin(self.identities.hours, hours))

    def add_to(self, index, *events):
        self.identities = Identities.concatenated([self.identities, Identities.of(batch(*events))])
        index.add(Identities.of(batch(*events)))


def new_rows(index, stored, *events):
    return index.deduplicate(batch(*events), stored.read).new.tolist()


def test_hours_are_read_once():
    index, stored = DedupIndex(), Stored(event("a"), event("b"))
    assert new_rows(index, stored, event("a"), event("c")) == [False, True]
    stored.add_to(index, event("c"))
    assert new_rows(index, stored, event("c", minutes=59), event("b"), event("d")) == [
        False,
        False,
        True,
    ]
    assert len(stored.reads) == 1


def test_the_next_hour_reads_one_more_hour():
    index, stored = DedupIndex(), Stored(event("a"))
    new_rows(index, stored, event("x"))
    new_rows(index, stored, event("x", minutes=60))
    assert [len(hours) for hours in stored.reads] == [49, 1]


def test_a_distant_event_time_reads_its_own_hours_once():
    index, stored = DedupIndex(), Stored(event("a"))
    distant = event("x", event_time=MORNING.replace(year=2001))
    new_rows(index, stored, event("a"), distant)
    for _ in range(3):
        assert new_rows(index, stored, event("a"), distant, event("b")) == [False, True, True]
    assert [len(hours) for hours in stored.reads] == [98]


@pytest.mark.parametrize("capacity", [0, 1, 2, 3, 100])
def test_a_batch_is_deduplicated_with_any_capacity(capacity):
    events = [event(str(n), minutes=n * 30) for n in range(6)]
    index, stored = DedupIndex(capacity), Stored(*events[:4])
    for _ in range(3):
        assert new_rows(index, stored, *events) == [False] * 4 + [True] * 2


def test_the_least_recently_needed_hours_are_evicted():
    index, stored = DedupIndex(capacity=2), Stored(event("mon"), event("wed", minutes=2 * 1440))
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
    index, stored = DedupIndex(capacity=2), Stored(*days)
    for day in days:
        assert new_rows(index, stored, day) == [False]
    assert new_rows(index, stored, days[2]) == [False]
    assert len(stored.reads) == 3
    assert new_rows(index, stored, days[0]) == [False]
    assert len(stored.reads) == 4


def test_identities_of_hours_that_are_not_covered_are_ignored():
    index, stored = DedupIndex(), Stored(event("a"))
    new_rows(index, stored, event("a"))
    index.add(Identities.of(batch(event("far", event_time=MORNING.replace(year=2001)))))
    assert new_rows(index, stored, event("far")) == [True]


def test_adding_known_identities_changes_nothing():
    index, stored = DedupIndex(capacity=2), Stored(event("a"), event("b"))
    new_rows(index, stored, event("a"))
    for _ in range(5):
        index.add_missing(stored.identities)
    assert new_rows(index, stored, event("a"), event("b")) == [False, False]
    assert len(stored.reads) == 1


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
