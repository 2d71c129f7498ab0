from collections.abc import Iterable

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_ingestor.consumer.admit import OffsetRange
from classwaves_ingestor.consumer.micro_batch import BatchBuilder, BatchPolicy, MicroBatch
from classwaves_warehouse.checkpoint import NO_MESSAGES, Progress, RecentMessages
from classwaves_warehouse.offset_sums import NO_OFFSETS, OffsetSums
from tests.unit.ingestor.consumer.messages import bad, decoded, good

_BITMAPS = 500  # filtered columns carry a validity bitmap each, a few bytes a poll
NEVER = BatchPolicy(rows=10**9, bytes=10**12, seconds=10**9)

kinds = st.sampled_from([good, bad, None])
polls = st.lists(
    st.dictionaries(st.integers(0, 2), st.lists(kinds, min_size=1, max_size=4)), max_size=6
)


class Filler:
    """Adds polls to a builder as the pipeline does; a kind of None is a hole."""

    def __init__(self, builder: BatchBuilder) -> None:
        self.builder = builder
        self.next: dict[int, int] = {}

    def add(self, poll: dict[int, list], now: float = 0.0) -> None:
        messages, ranges = [], {}
        for partition, kinds_here in poll.items():
            first = self.next.get(partition, 0)
            messages += [
                kind(partition, first + index) for index, kind in enumerate(kinds_here) if kind
            ]
            self.next[partition] = first + len(kinds_here)
            holes = [first + index for index, kind in enumerate(kinds_here) if kind is None]
            ranges[partition] = OffsetRange(self.next[partition], OffsetSums.of(holes))
        self.builder.add(decoded(messages), ranges, now)


def built(builder: BatchBuilder) -> MicroBatch:
    partitions = builder.partitions
    return builder.build(
        dict.fromkeys(partitions),
        dict.fromkeys(partitions, 0),
        {},
        dict.fromkeys(partitions),
    )


def content(batch: MicroBatch) -> tuple:
    rejects = [
        (each.message.partition(), each.message.offset(), each.rejection.reason)
        for each in batch.rejects
    ]
    return batch.rows, rejects, batch.expected, batch.progress


def filled(the_polls: Iterable[dict[int, list]]) -> BatchBuilder:
    filler = Filler(BatchBuilder(NEVER))
    for poll in the_polls:
        filler.add(poll)
    return filler.builder


def test_a_batch_has_the_new_position_and_the_counters_of_each_partition():
    batch = built(filled([{0: [good, None, bad]}, {0: [bad, good], 1: [None]}]))
    assert batch.progress == {
        0: Progress(
            position=5,
            dead_lettered={"not_json": OffsetSums.of([2, 3])},
            holes=OffsetSums.of([1]),
        ),
        1: Progress(position=1, holes=OffsetSums.of([0])),
    }
    assert batch.rows["kafka_offset"].to_pylist() == [0, 4]
    assert [each.message.offset() for each in batch.rejects] == [2, 3]


def test_expired_offsets_are_due_like_messages_and_precede_them():
    builder = BatchBuilder(BatchPolicy(rows=10**9, bytes=10**12, seconds=5))
    builder.add_expired(0, range(4, 9), now=1.0)
    assert (builder.due(5.9), builder.due(6.0)) == (False, True)
    builder.add(decoded([good(0, 9)]), {0: OffsetRange(10, leader_epoch=2)}, now=2.0)
    builder.add(decoded([]), {0: OffsetRange(11, OffsetSums.of([10]))}, now=3.0)
    assert built(builder).progress == {
        0: Progress(
            11,
            expired=OffsetSums.of_range(4, 9),
            holes=OffsetSums.of([10]),
            leader_epoch=2,
        )
    }


def test_a_batch_carries_the_positions_that_it_continues_from():
    builder = filled([{0: [good], 1: [good]}])
    batch = builder.build(
        {0: 7, 1: None}, {0: 3, 1: 0}, {}, {0: RecentMessages(9, 1), 1: NO_MESSAGES}
    )
    assert batch.expected == {0: 7, 1: None}
    assert batch.progress[0].recent == RecentMessages(9, 1)
    assert {partition: each.first_offset for partition, each in batch.progress.items()} == {
        0: 3,
        1: 0,
    }


def test_building_a_batch_empties_the_buffer():
    builder = filled([{0: [good, bad]}])
    assert builder.bytes > 0
    built(builder)
    assert not builder
    assert builder.bytes == 0
    assert built(builder).rows.num_rows == 0


@settings(deadline=None)
@given(polls, st.integers(0, 6), st.sets(st.integers(0, 2)))
def test_dropping_partitions_equals_never_adding_them(the_polls, moment, dropped):
    """Up to the drop; later polls of these partitions are new."""
    before, after = the_polls[:moment], the_polls[moment:]
    filler = Filler(BatchBuilder(NEVER))
    for poll in before:
        filler.add(poll)
    filler.builder.drop(dropped)
    never = Filler(BatchBuilder(NEVER))
    for poll in before:
        never.add(
            {
                partition: kinds_here
                for partition, kinds_here in poll.items()
                if partition not in dropped
            }
        )
    assert filler.builder.bytes == pytest.approx(never.builder.bytes, abs=_BITMAPS)
    never.next = dict(filler.next)
    for poll in after:
        filler.add(poll)
        never.add(poll)
    assert set(filler.builder.partitions) == set(never.builder.partitions)
    assert content(built(filler.builder)) == content(built(never.builder))


@settings(deadline=None)
@given(polls, st.sets(st.integers(0, 2)))
def test_a_batch_without_partitions_equals_one_that_never_had_them(the_polls, dropped):
    rest = [
        {
            partition: kinds_here
            for partition, kinds_here in poll.items()
            if partition not in dropped
        }
        for poll in the_polls
    ]
    assert content(built(filled(the_polls)).without(dropped)) == content(built(filled(rest)))


@settings(deadline=None)
@given(polls)
def test_each_offset_of_a_batch_is_a_row_or_a_reject_or_a_hole(the_polls):
    batch = built(filled(the_polls))
    for partition, progress in batch.progress.items():
        rows = batch.rows.filter(pc.field("kafka_partition") == partition)
        stored = OffsetSums.of(rows["kafka_offset"].to_pylist())
        dead_lettered = sum(progress.dead_lettered.values(), NO_OFFSETS)
        assert stored + dead_lettered + progress.holes == OffsetSums.of_range(0, progress.position)


def test_an_empty_buffer_is_never_due():
    assert not BatchBuilder(BatchPolicy(rows=0, bytes=0, seconds=0)).due(now=10**9)


@pytest.mark.parametrize("kind", [good, bad])
def test_a_batch_is_due_at_its_number_of_messages_rejects_included(kind):
    filler = Filler(BatchBuilder(BatchPolicy(rows=3, bytes=10**12, seconds=10**9)))
    filler.add({0: [kind, kind]})
    assert not filler.builder.due(0.0)
    filler.add({1: [kind]})
    assert filler.builder.due(0.0)


@pytest.mark.parametrize("kind", [good, bad])
def test_a_batch_is_due_at_its_bytes_rejects_included(kind):
    size = decoded([kind(0, 0)]).bytes
    filler = Filler(BatchBuilder(BatchPolicy(rows=10**9, bytes=2 * size, seconds=10**9)))
    filler.add({0: [kind]})
    assert not filler.builder.due(0.0)
    filler.add({0: [kind]})
    assert filler.builder.due(0.0)


def test_a_batch_is_due_at_the_age_of_its_first_offset_even_if_that_is_a_hole():
    filler = Filler(BatchBuilder(BatchPolicy(rows=10**9, bytes=10**12, seconds=5.0)))
    filler.add({}, now=1.0)
    filler.add({0: [None]}, now=10.0)
    filler.add({0: [good]}, now=14.0)
    assert not filler.builder.due(14.9)
    assert filler.builder.due(15.0)
    built(filler.builder)
    filler.add({0: [good]}, now=100.0)
    assert not filler.builder.due(104.9)
    assert filler.builder.due(105.0)


def test_the_age_of_a_batch_restarts_after_all_its_partitions_were_dropped():
    filler = Filler(BatchBuilder(BatchPolicy(rows=10**9, bytes=10**12, seconds=5.0)))
    filler.add({0: [good]}, now=0.0)
    filler.builder.drop([0])
    assert not filler.builder.due(99.0)
    filler.add({1: [good]}, now=100.0)
    assert not filler.builder.due(104.9)


def test_unmoved_partitions_are_part_of_a_batch():
    unmoved = {4: Progress(9, first_offset=2)}
    batch = BatchBuilder(NEVER).build({4: 9}, {}, unmoved, {})
    assert batch.expected == {4: 9}
    assert batch.progress == unmoved
    assert batch.rows.num_rows == len(batch.rejects) == batch.bytes == 0
