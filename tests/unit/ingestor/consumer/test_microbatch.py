from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_ingestor.consumer.cursors import Span
from classwaves_ingestor.consumer.microbatch import BatchPolicy, Gathering, MicroBatch
from classwaves_warehouse.checkpoint import Progress
from tests.unit.ingestor.consumer.messages import bad, decoded, good

_BITMAPS = 500  # filtered columns carry a validity bitmap each, a few bytes a poll
NEVER = BatchPolicy(rows=10**9, bytes=10**12, seconds=10**9)

kinds = st.sampled_from([good, bad, None])
polls = st.lists(
    st.dictionaries(st.integers(0, 2), st.lists(kinds, min_size=1, max_size=4)), max_size=6
)


class Filler:
    """Adds polls to a gathering as the stages before it do; a kind of None is a hole."""

    def __init__(self, gathering: Gathering) -> None:
        self.gathering = gathering
        self.next: dict[int, int] = {}

    def add(self, poll: dict[int, list], now: float = 0.0) -> None:
        messages, spans = [], {}
        for partition, kinds_here in poll.items():
            first = self.next.get(partition, 0)
            messages += [
                kind(partition, first + place) for place, kind in enumerate(kinds_here) if kind
            ]
            self.next[partition] = first + len(kinds_here)
            spans[partition] = Span(self.next[partition], kinds_here.count(None))
        self.gathering.add(decoded(messages), spans, now)


def taken(gathering: Gathering) -> MicroBatch:
    partitions = gathering.partitions
    return gathering.take(dict.fromkeys(partitions), dict.fromkeys(partitions, 0), {})


def content(batch: MicroBatch) -> tuple:
    rejects = [
        (each.message.partition(), each.message.offset(), each.rejection.reason)
        for each in batch.rejects
    ]
    return batch.rows, rejects, batch.expected, batch.progress


def filled(the_polls: Iterable[dict[int, list]]) -> Gathering:
    filler = Filler(Gathering(NEVER))
    for poll in the_polls:
        filler.add(poll)
    return filler.gathering


def test_a_batch_says_how_far_each_partition_moves_and_what_became_of_its_messages():
    batch = taken(filled([{0: [good, None, bad]}, {0: [bad, good], 1: [None]}]))
    assert batch.progress == {
        0: Progress(position=5, dead_lettered={"not_json": 2}, holes=1),
        1: Progress(position=1, holes=1),
    }
    assert batch.rows["kafka_offset"].to_pylist() == [0, 4]
    assert [each.message.offset() for each in batch.rejects] == [2, 3]


def test_a_batch_builds_on_the_positions_that_it_is_given():
    gathering = filled([{0: [good], 1: [good]}])
    batch = gathering.take({0: 7, 1: None}, {0: 3, 1: 0}, {})
    assert batch.expected == {0: 7, 1: None}
    assert {partition: each.first_offset for partition, each in batch.progress.items()} == {
        0: 3,
        1: 0,
    }


def test_what_is_taken_is_gone_and_the_next_batch_begins_empty():
    gathering = filled([{0: [good, bad]}])
    assert gathering.bytes > 0
    taken(gathering)
    assert not gathering
    assert gathering.bytes == 0
    assert taken(gathering).rows.num_rows == 0


@settings(deadline=None)
@given(polls, st.integers(0, 6), st.sets(st.integers(0, 2)))
def test_dropping_partitions_equals_never_having_added_them(the_polls, moment, dropped):
    """Until the moment of the drop; what they bring after it is new."""
    before, after = the_polls[:moment], the_polls[moment:]
    filler = Filler(Gathering(NEVER))
    for poll in before:
        filler.add(poll)
    filler.gathering.drop(dropped)
    never = Filler(Gathering(NEVER))
    for poll in before:
        never.add(
            {
                partition: kinds_here
                for partition, kinds_here in poll.items()
                if partition not in dropped
            }
        )
    assert filler.gathering.bytes == pytest.approx(never.gathering.bytes, abs=_BITMAPS)
    never.next = dict(filler.next)
    for poll in after:
        filler.add(poll)
        never.add(poll)
    assert set(filler.gathering.partitions) == set(never.gathering.partitions)
    assert content(taken(filler.gathering)) == content(taken(never.gathering))


@settings(deadline=None)
@given(polls, st.sets(st.integers(0, 2)))
def test_a_fixed_batch_without_partitions_is_as_if_they_had_never_been_in_it(the_polls, dropped):
    rest = [
        {
            partition: kinds_here
            for partition, kinds_here in poll.items()
            if partition not in dropped
        }
        for poll in the_polls
    ]
    assert content(taken(filled(the_polls)).without(dropped)) == content(taken(filled(rest)))


@settings(deadline=None)
@given(polls)
def test_each_offset_of_a_batch_is_a_row_or_a_reject_or_a_hole(the_polls):
    batch = taken(filled(the_polls))
    for partition, progress in batch.progress.items():
        rows = batch.rows["kafka_partition"].to_pylist().count(partition)
        assert progress.position == rows + sum(progress.dead_lettered.values()) + progress.holes


def test_nothing_gathered_is_never_due():
    assert not Gathering(BatchPolicy(rows=0, bytes=0, seconds=0)).due(now=10**9)


@pytest.mark.parametrize("kind", [good, bad])
def test_a_batch_is_due_at_its_number_of_messages_rejects_included(kind):
    filler = Filler(Gathering(BatchPolicy(rows=3, bytes=10**12, seconds=10**9)))
    filler.add({0: [kind, kind]})
    assert not filler.gathering.due(0.0)
    filler.add({1: [kind]})
    assert filler.gathering.due(0.0)


@pytest.mark.parametrize("kind", [good, bad])
def test_a_batch_is_due_at_its_bytes_rejects_included(kind):
    size = decoded([kind(0, 0)]).bytes
    filler = Filler(Gathering(BatchPolicy(rows=10**9, bytes=2 * size, seconds=10**9)))
    filler.add({0: [kind]})
    assert not filler.gathering.due(0.0)
    filler.add({0: [kind]})
    assert filler.gathering.due(0.0)


def test_a_batch_is_due_at_the_age_of_its_first_message_even_if_that_is_a_hole():
    filler = Filler(Gathering(BatchPolicy(rows=10**9, bytes=10**12, seconds=5.0)))
    filler.add({}, now=1.0)
    filler.add({0: [None]}, now=10.0)
    filler.add({0: [good]}, now=14.0)
    assert not filler.gathering.due(14.9)
    assert filler.gathering.due(15.0)
    taken(filler.gathering)
    filler.add({0: [good]}, now=100.0)
    assert not filler.gathering.due(104.9)
    assert filler.gathering.due(105.0)


def test_a_batch_whose_partitions_were_all_dropped_begins_its_age_anew():
    filler = Filler(Gathering(BatchPolicy(rows=10**9, bytes=10**12, seconds=5.0)))
    filler.add({0: [good]}, now=0.0)
    filler.gathering.drop([0])
    assert not filler.gathering.due(99.0)
    filler.add({1: [good]}, now=100.0)
    assert not filler.gathering.due(104.9)


def test_idle_partitions_ride_along_with_a_batch_and_move_nothing():
    idle = {4: Progress(9, first_offset=2)}
    batch = Gathering(NEVER).take({4: 9}, {}, idle)
    assert batch.expected == {4: 9}
    assert batch.progress == idle
    assert batch.rows.num_rows == len(batch.rejects) == batch.bytes == 0
