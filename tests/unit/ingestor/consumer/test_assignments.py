from datetime import UTC, datetime

import pytest

from classwaves_ingestor.consumer.assignments import PartitionAssignments, StartOffset
from classwaves_runtime.clock import ManualClock
from classwaves_warehouse.checkpoint import Progress


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2025, 9, 15, tzinfo=UTC))


@pytest.fixture
def assignments(clock) -> PartitionAssignments:
    return PartitionAssignments(clock)


def resolve(assignments: PartitionAssignments, *partitions: int, position: int | None = 10) -> None:
    assignments.on_assigned(partitions)
    assignments.unresolved()
    assignments.on_resolved({partition: StartOffset(position, 3, 20) for partition in partitions})


def test_an_assigned_partition_is_requested_once(assignments):
    assignments.on_assigned([0, 1])
    assert assignments.unresolved() == [0, 1]
    assert assignments.unresolved() == []


def test_a_start_offset_counts_if_its_partition_is_still_assigned(assignments):
    assignments.on_assigned([0, 1])
    assignments.unresolved()
    assignments.on_revoked([1])
    assert assignments.on_resolved({0: StartOffset(5, 0, 9), 1: StartOffset(7, 0, 9)}) == {
        0: StartOffset(5, 0, 9)
    }
    assert assignments.positions([0]) == {0: 5}


def test_a_start_offset_from_before_a_reassignment_is_stale_and_requested_again(assignments):
    """Another owner may have moved the partition in between."""
    assignments.on_assigned([0])
    assignments.unresolved()
    assignments.on_revoked([0])
    assignments.on_assigned([0])
    assert assignments.on_resolved({0: StartOffset(5, 0, 9)}) == {}
    assert assignments.unresolved() == [0]


def test_a_start_offset_counts_once(assignments):
    resolve(assignments, 0)
    assignments.on_committed({0: 15})
    assert assignments.on_resolved({0: StartOffset(10, 3, 20)}) == {}
    assert assignments.positions([0]) == {0: 15}


def test_the_next_batch_continues_from_our_own_commit(assignments):
    resolve(assignments, 0, 1, position=None)
    assignments.on_committed({0: 15})
    assert assignments.positions([0, 1]) == {0: 15, 1: None}
    assert assignments.first_offsets([0, 1]) == {0: 3, 1: 3}


def test_a_commit_of_a_revoked_partition_is_ignored(assignments):
    resolve(assignments, 0)
    assignments.on_revoked([0])
    assignments.on_committed({0: 15})
    assignments.on_assigned([0])
    assignments.on_committed({0: 16})
    assert assignments.unresolved() == [0]
    assignments.on_resolved({0: StartOffset(30, 0, 40)})
    assert assignments.positions([0]) == {0: 30}


def test_a_fenced_partition_is_requested_again_if_it_is_still_assigned(assignments):
    resolve(assignments, 0, 1)
    assignments.on_revoked([1])
    assert assignments.restart([0, 1]) == [0]
    assert assignments.unresolved() == [0]


def test_a_stopped_partition_is_not_requested_until_it_is_assigned_again(assignments, clock):
    resolve(assignments, 0)
    assignments.stop(0)
    assignments.stop(7)
    clock.advance(1000)
    assert assignments.unresolved() == []
    assert assignments.idle(60) == {}
    assignments.on_revoked([0])
    assignments.on_assigned([0])
    assert assignments.unresolved() == [0]


def test_idle_partitions_report_progress_without_movement(assignments, clock):
    resolve(assignments, 0)
    resolve(assignments, 1, position=None)
    resolve(assignments, 2)
    assignments.on_assigned([3])
    clock.advance(59)
    assert assignments.idle(60) == {}
    assignments.on_committed({2: 12})
    clock.advance(1)
    assert assignments.idle(60) == {0: Progress(10, first_offset=3), 1: Progress(3, first_offset=3)}
    assignments.on_committed({0: 10, 1: 3})
    assert assignments.idle(60) == {}
