from dataclasses import replace
from datetime import UTC, datetime

import pytest

from classwaves_ingestor.consumer.assignments import PartitionAssignments, PartitionStart
from classwaves_runtime.clock import ManualClock
from classwaves_warehouse.checkpoint import Checkpoint, Progress, StopReason


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2025, 9, 15, 9, 10, tzinfo=UTC))


@pytest.fixture
def assignments(clock) -> PartitionAssignments:
    return PartitionAssignments(clock)


def start_at(position: int | None) -> PartitionStart:
    return PartitionStart(None if position is None else Checkpoint(position, 0), 3, 20)


def resolve(assignments: PartitionAssignments, *partitions: int, position: int | None = 10) -> None:
    assignments.on_assigned(partitions)
    assignments.take_unresolved()
    assignments.on_resolved({partition: start_at(position) for partition in partitions})


def test_an_assigned_partition_is_requested_once(assignments):
    assignments.on_assigned([0, 1])
    assert assignments.take_unresolved() == [0, 1]
    assert assignments.take_unresolved() == []


def test_a_start_offset_counts_if_its_partition_is_still_assigned(assignments):
    assignments.on_assigned([0, 1])
    assignments.take_unresolved()
    assignments.on_revoked([1])
    assert assignments.on_resolved(
        {0: PartitionStart(Checkpoint(5, 0), 0, 9), 1: PartitionStart(Checkpoint(7, 0), 0, 9)}
    ) == {0: PartitionStart(Checkpoint(5, 0), 0, 9)}
    assert assignments.positions([0]) == {0: 5}


def test_a_start_offset_from_before_a_reassignment_is_stale_and_requested_again(assignments):
    """Another owner may have moved the partition in between."""
    assignments.on_assigned([0])
    assignments.take_unresolved()
    assignments.on_revoked([0])
    assignments.on_assigned([0])
    assert assignments.on_resolved({0: PartitionStart(Checkpoint(5, 0), 0, 9)}) == {}
    assert assignments.take_unresolved() == [0]


def test_a_start_offset_counts_once(assignments):
    resolve(assignments, 0)
    assignments.on_committed({0: Progress(15)})
    assert assignments.on_resolved({0: PartitionStart(Checkpoint(10, 0), 3, 20)}) == {}
    assert assignments.positions([0]) == {0: 15}


def test_the_next_batch_continues_from_our_own_commit(assignments):
    resolve(assignments, 0, 1, position=None)
    assignments.on_committed({0: Progress(15)})
    assert assignments.positions([0, 1]) == {0: 15, 1: None}
    assert assignments.low_watermarks([0, 1]) == {0: 3, 1: 3}


def test_a_commit_of_a_revoked_partition_is_ignored(assignments):
    resolve(assignments, 0)
    assignments.on_revoked([0])
    assignments.on_committed({0: Progress(15)})
    assignments.on_assigned([0])
    assignments.on_committed({0: Progress(16)})
    assert assignments.take_unresolved() == [0]
    assignments.on_resolved({0: PartitionStart(Checkpoint(30, 0), 0, 40)})
    assert assignments.positions([0]) == {0: 30}


def test_a_fenced_partition_is_requested_again_if_it_is_still_assigned(assignments):
    resolve(assignments, 0, 1)
    assignments.on_revoked([1])
    assert assignments.restart([0, 1]) == [0]
    assert assignments.take_unresolved() == [0]


def test_a_stopped_partition_is_looked_at_again_and_stays_stopped_until_it_is_read(
    assignments, clock
):
    resolve(assignments, 0, 1)
    assert assignments.stop(0, StopReason.CORRUPT_BATCH)
    assert not assignments.stop(7, StopReason.CORRUPT_BATCH)
    clock.advance(29)
    assignments.look_again(30)
    assert (assignments.take_unresolved(), assignments.idle(29).keys()) == ([], {1})
    clock.advance(1)
    assignments.look_again(30)
    assert assignments.take_unresolved() == [0]
    assignments.on_resolved({0: PartitionStart(Checkpoint(10, 0), 3, 20)})
    assert assignments.stopped().keys() == {0}
    assert not assignments.stop(0, StopReason.CORRUPT_BATCH)
    assert assignments.stop(0, StopReason.LOG_LOST_ITS_TAIL)
    clock.advance(30)
    assignments.look_again(30)
    assignments.take_unresolved()
    assignments.on_resolved({0: PartitionStart(Checkpoint(10, 0), 3, 20)})
    assignments.on_read([0, 7])
    assert assignments.stopped() == {}


def test_a_stop_is_to_be_recorded_until_the_ledger_has_it(assignments):
    resolve(assignments, 0)
    assignments.stop(0, StopReason.CORRUPT_BATCH)
    due = {0: Progress(10, first_offset=3, stopped=StopReason.CORRUPT_BATCH)}
    assert assignments.unrecorded_stops() == due
    assignments.on_committed({0: Progress(12)})
    assert assignments.unrecorded_stops() == {0: replace(due[0], position=12)}
    assignments.on_committed(assignments.unrecorded_stops())
    assert assignments.unrecorded_stops() == {}


def test_a_stop_that_the_ledger_has_is_not_recorded_again(assignments):
    assignments.on_assigned([0])
    assignments.take_unresolved()
    assignments.on_resolved(
        {0: PartitionStart(Checkpoint(10, 3, stopped=StopReason.CORRUPT_BATCH), 3, 20)}
    )
    assignments.stop(0, StopReason.CORRUPT_BATCH)
    assert assignments.unrecorded_stops() == {}


@pytest.mark.parametrize(
    ("position", "refused", "reason"),
    [
        (20, False, None),
        (21, False, StopReason.LOG_ENDS_BELOW_POSITION),
        (21, True, StopReason.LOG_ENDS_BELOW_POSITION),
        (20, True, StopReason.LOG_LOST_ITS_TAIL),
        (3, True, StopReason.LOG_LOST_ITS_TAIL),
        (2, True, None),
        (None, True, StopReason.LOG_LOST_ITS_TAIL),
    ],
)
def test_a_position_that_the_log_does_not_continue_stops(assignments, position, refused, reason):
    resolve(assignments, 0)
    if refused:
        assert assignments.on_offset_error([0, 7]) == [0]
    assert assignments.why_stop(0, start_at(position)) is reason


def test_a_partition_with_bad_messages_stays_stopped_until_they_are_released(assignments):
    resolve(assignments, 0)
    bad = Checkpoint(10, 0, stopped=StopReason.MOST_MESSAGES_BAD)
    assert assignments.why_stop(0, PartitionStart(bad, 3, 20)) is StopReason.MOST_MESSAGES_BAD
    assert assignments.why_stop(0, PartitionStart(replace(bad, stopped=None), 3, 20)) is None


def test_a_partition_that_is_read_again_was_not_refused(assignments):
    resolve(assignments, 0)
    assignments.on_offset_error([0])
    assignments.take_unresolved()
    assignments.on_resolved({0: PartitionStart(Checkpoint(10, 0), 3, 20)})
    assignments.on_read([0])
    assert assignments.why_stop(0, PartitionStart(Checkpoint(10, 0), 3, 20)) is None


def test_idle_partitions_report_unmoved_progress(assignments, clock):
    resolve(assignments, 0)
    resolve(assignments, 1, position=None)
    resolve(assignments, 2)
    assignments.on_assigned([3])
    clock.advance(59)
    assert assignments.idle(60) == {}
    assignments.on_committed({2: Progress(12)})
    clock.advance(1)
    assert assignments.idle(60) == {0: Progress(10, first_offset=3), 1: Progress(3, first_offset=3)}
    assignments.on_committed({0: Progress(10), 1: Progress(3)})
    assert assignments.idle(60) == {}


def test_idle_partitions_are_due_one_minute_after_each_full_hour(assignments, clock):
    resolve(assignments, 0)
    clock.advance(50 * 60 + 59)
    assert assignments.idle(7200) == {}
    clock.advance(1)
    assert assignments.idle(7200).keys() == {0}
    assignments.on_committed({0: Progress(10)})
    assert assignments.idle(7200) == {}
    clock.advance(3600)
    assert assignments.idle(7200).keys() == {0}


def test_a_partition_without_a_leader_is_requested_again_after_some_seconds(assignments, clock):
    assignments.on_assigned([0, 1])
    assignments.take_unresolved()
    assignments.on_resolved({1: start_at(10)})
    assignments.on_unanswered([0, 7], seconds=5)
    assert list(assignments.leaderless()) == [0]
    clock.advance(4)
    assert assignments.take_unresolved() == []
    clock.advance(1)
    assert assignments.take_unresolved() == [0]
    assignments.on_resolved({0: start_at(10)})
    assert list(assignments.leaderless()) == []
