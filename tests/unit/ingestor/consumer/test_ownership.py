from datetime import UTC, datetime

import pytest

from classwaves_ingestor.consumer.committer import Place
from classwaves_ingestor.consumer.ownership import Ownership
from classwaves_runtime.clock import ManualClock
from classwaves_warehouse.checkpoint import Progress


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2025, 9, 15, tzinfo=UTC))


@pytest.fixture
def ownership(clock) -> Ownership:
    return Ownership(clock)


def place(ownership: Ownership, *partitions: int, position: int | None = 10) -> None:
    ownership.granted(partitions)
    ownership.unplaced()
    ownership.located({partition: Place(position, 3, 20) for partition in partitions})


def test_a_granted_partition_is_asked_for_once(ownership):
    ownership.granted([0, 1])
    assert ownership.unplaced() == [0, 1]
    assert ownership.unplaced() == []


def test_a_place_is_taken_if_it_was_asked_for_and_is_still_ours(ownership):
    ownership.granted([0, 1])
    ownership.unplaced()
    ownership.withdrawn([1])
    assert ownership.located({0: Place(5, 0, 9), 1: Place(7, 0, 9)}) == {0: Place(5, 0, 9)}
    assert ownership.positions([0]) == {0: 5}


def test_a_place_that_was_asked_for_before_a_regrant_is_old_and_asked_again(ownership):
    """Another owner may have moved the partition in between."""
    ownership.granted([0])
    ownership.unplaced()
    ownership.withdrawn([0])
    ownership.granted([0])
    assert ownership.located({0: Place(5, 0, 9)}) == {}
    assert ownership.unplaced() == [0]


def test_a_place_is_taken_once(ownership):
    place(ownership, 0)
    ownership.committed({0: 15})
    assert ownership.located({0: Place(10, 3, 20)}) == {}
    assert ownership.positions([0]) == {0: 15}


def test_the_next_batch_builds_on_our_own_commit(ownership):
    place(ownership, 0, 1, position=None)
    ownership.committed({0: 15})
    assert ownership.positions([0, 1]) == {0: 15, 1: None}
    assert ownership.first_offsets([0, 1]) == {0: 3, 1: 3}


def test_a_commit_of_what_is_not_ours_any_more_is_forgotten(ownership):
    place(ownership, 0)
    ownership.withdrawn([0])
    ownership.committed({0: 15})
    ownership.granted([0])
    ownership.committed({0: 16})
    assert ownership.unplaced() == [0]
    ownership.located({0: Place(30, 0, 40)})
    assert ownership.positions([0]) == {0: 30}


def test_a_partition_that_another_owner_moved_is_placed_anew_if_it_is_still_ours(ownership):
    place(ownership, 0, 1)
    ownership.withdrawn([1])
    assert ownership.moved([0, 1]) == [0]
    assert ownership.unplaced() == [0]


def test_a_stopped_partition_is_not_asked_for_until_it_is_granted_again(ownership, clock):
    place(ownership, 0)
    ownership.stop(0)
    ownership.stop(7)
    clock.advance(1000)
    assert ownership.unplaced() == []
    assert ownership.idle(60) == {}
    ownership.withdrawn([0])
    ownership.granted([0])
    assert ownership.unplaced() == [0]


def test_partitions_without_a_commit_for_so_long_make_progress_that_moves_nothing(ownership, clock):
    place(ownership, 0)
    place(ownership, 1, position=None)
    place(ownership, 2)
    ownership.granted([3])
    clock.advance(59)
    assert ownership.idle(60) == {}
    ownership.committed({2: 12})
    clock.advance(1)
    assert ownership.idle(60) == {0: Progress(10, first_offset=3), 1: Progress(3, first_offset=3)}
    ownership.committed({0: 10, 1: 3})
    assert ownership.idle(60) == {}
