import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_warehouse.delta.identities import Identities
from classwaves_warehouse.delta.index import IdentityIndex
from classwaves_warehouse.delta.runs import Runs
from tests.support.rows import MORNING, batch, event


class Stored:
    """A table that counts how often it is read, and for which hours."""

    def __init__(self, *events):
        self.identities = Identities.of(batch(*events))
        self.asked = []

    def read(self, hours):
        self.asked.append(hours.tolist())
        yield self.identities.take(np.isin(self.identities.hours, hours))

    def admitted(self, index, *events):
        self.identities = Identities.concatenated([self.identities, Identities.of(batch(*events))])
        index.admit(Identities.of(batch(*events)))


def fresh(index, stored, *events):
    return index.screen(batch(*events), stored.read).fresh.tolist()


def test_hours_are_read_once_and_then_remembered():
    index, stored = IdentityIndex(), Stored(event("a"), event("b"))
    assert fresh(index, stored, event("a"), event("c")) == [False, True]
    stored.admitted(index, event("c"))
    assert fresh(index, stored, event("c", minutes=59), event("b"), event("d")) == [
        False,
        False,
        True,
    ]
    assert len(stored.asked) == 1


def test_the_next_hour_costs_one_more_hour():
    index, stored = IdentityIndex(), Stored(event("a"))
    fresh(index, stored, event("x"))
    fresh(index, stored, event("x", minutes=60))
    assert [len(hours) for hours in stored.asked] == [49, 1]


def test_an_absurd_event_time_costs_its_own_hours_once():
    index, stored = IdentityIndex(), Stored(event("a"))
    absurd = event("x", event_time=MORNING.replace(year=2001))
    fresh(index, stored, event("a"), absurd)
    for _ in range(3):
        assert fresh(index, stored, event("a"), absurd, event("b")) == [False, True, True]
    assert [len(hours) for hours in stored.asked] == [98]


@pytest.mark.parametrize("capacity", [0, 1, 2, 3, 100])
def test_a_batch_is_screened_rightly_whatever_the_capacity(capacity):
    events = [event(str(n), minutes=n * 30) for n in range(6)]
    index, stored = IdentityIndex(capacity), Stored(*events[:4])
    for _ in range(3):
        assert fresh(index, stored, *events) == [False] * 4 + [True] * 2


def test_the_hours_that_were_needed_least_recently_give_way():
    index, stored = IdentityIndex(capacity=2), Stored(event("mon"), event("wed", minutes=2 * 1440))
    monday, wednesday, friday = (
        event("mon"),
        event("wed", minutes=2 * 1440),
        event("fri", minutes=4 * 1440 + 60),
    )
    for one in (monday, wednesday, wednesday):
        assert fresh(index, stored, one) == [False]
    assert len(stored.asked) == 2
    assert fresh(index, stored, friday) == [True]
    stored.admitted(index, friday)
    stored.asked.clear()
    assert fresh(index, stored, wednesday) == [False]
    assert stored.asked == []
    assert fresh(index, stored, monday) == [False]
    assert len(stored.asked) == 1


def test_reading_hours_makes_others_give_way_too():
    days = [event(str(day), minutes=day * 3000) for day in range(3)]
    index, stored = IdentityIndex(capacity=2), Stored(*days)
    for day in days:
        assert fresh(index, stored, day) == [False]
    assert fresh(index, stored, days[2]) == [False]
    assert len(stored.asked) == 3
    assert fresh(index, stored, days[0]) == [False]
    assert len(stored.asked) == 4


def test_identities_of_hours_that_are_not_covered_are_not_taken_in():
    index, stored = IdentityIndex(), Stored(event("a"))
    fresh(index, stored, event("a"))
    index.admit(Identities.of(batch(event("far", event_time=MORNING.replace(year=2001)))))
    assert fresh(index, stored, event("far")) == [True]


def test_learning_what_is_known_adds_nothing():
    index, stored = IdentityIndex(capacity=2), Stored(event("a"), event("b"))
    fresh(index, stored, event("a"))
    for _ in range(5):
        index.learn(stored.identities)
    assert fresh(index, stored, event("a"), event("b")) == [False, False]
    assert len(stored.asked) == 1


@given(
    st.lists(st.lists(st.integers(0, 200), max_size=40), max_size=12), st.sets(st.integers(0, 9))
)
def test_runs_find_what_was_added_and_not_dropped(additions, dropped):
    runs, held = Runs(), {}
    for numbers in additions:
        new = sorted(set(numbers) - set(held), key=lambda number: number * 7919 % 211)
        held.update(dict.fromkeys(new))
        runs.add(_identities(new))
    assert len(runs) == len(held)
    assert sum(runs.count_by_hour().values()) == len(held)
    runs.drop(np.array(sorted(dropped), dtype=np.int32))
    known, fingerprints = runs.find(_identities(range(201)).digests)
    expected = [number in held and number % 10 not in dropped for number in range(201)]
    assert known.tolist() == expected
    assert fingerprints.tolist() == [
        number + 1 if here else 0 for number, here in enumerate(expected)
    ]


def _identities(numbers):
    # Trailing zero bytes are part of a digest.
    digests = np.array([number.to_bytes(2, "big") + b"\0" * 14 for number in numbers], dtype="S16")
    return Identities(
        digests, np.array(numbers, np.uint64) + np.uint64(1), np.array(numbers, np.int32) % 10
    )
