from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_ingestor.consumer.admit import AdmittedMessages, OffsetRange, OffsetTracker
from classwaves_ingestor.kafka.interface import FetchPosition, PollResult
from classwaves_ingestor.kafka.memory import MemoryTopic
from classwaves_warehouse.offset_sums import NO_OFFSETS, OffsetSums
from tests.unit.ingestor.consumer.messages import message

PARTITIONS = 3


def poll_result(*coordinates: tuple[int, int], ends: dict[int, int] | None = None) -> PollResult:
    return PollResult([message(partition, offset) for partition, offset in coordinates], ends or {})


def offsets(admitted: AdmittedMessages) -> list[tuple[int, int]]:
    return [(each.partition(), each.offset()) for each in admitted.messages]


def tracking(**positions: int) -> OffsetTracker:
    tracker = OffsetTracker()
    for name, offset in positions.items():
        tracker.start(int(name.removeprefix("p")), offset)
    return tracker


def test_messages_from_the_next_offset_are_admitted_and_advance_it():
    tracker = tracking(p0=5)
    admitted = tracker.admit(poll_result((0, 5), (0, 6)))
    assert offsets(admitted) == [(0, 5), (0, 6)]
    assert admitted.ranges == {0: OffsetRange(position=7, leader_epoch=0)}
    assert tracker.admit(poll_result((0, 5), (0, 6))) == AdmittedMessages([], {}, {})


def test_a_skipped_offset_is_a_hole():
    assert tracking(p0=5).admit(poll_result((0, 7), (0, 10))).ranges == {
        0: OffsetRange(11, OffsetSums.of([5, 6, 8, 9]), leader_epoch=0)
    }


def test_a_range_has_the_leader_epoch_of_its_last_message():
    topic = MemoryTopic(partitions=1)
    topic.produce(0, b"1")
    topic.lose_tail(0, 1)
    topic.produce(0, b"2")
    found, _ = topic.fetch(0, FetchPosition(0), 2)
    assert tracking(p0=0).admit(PollResult(found, {0: 3})).ranges[0].leader_epoch == 1
    assert tracking(p0=2).admit(PollResult([], {0: 3})).ranges[0].leader_epoch is None


def test_partition_eof_reveals_holes_at_the_end():
    tracker = tracking(p0=5)
    assert tracker.admit(poll_result((0, 5), ends={0: 8})).ranges == {
        0: OffsetRange(8, OffsetSums.of([6, 7]), leader_epoch=0)
    }
    assert tracker.admit(poll_result(ends={0: 8})).ranges == {}


def test_messages_beyond_the_eof_of_the_same_poll_count_once():
    assert tracking(p0=5).admit(poll_result((0, 5), (0, 6), ends={0: 6})).ranges == {
        0: OffsetRange(position=7, leader_epoch=0)
    }


def test_messages_below_the_next_offset_are_stale():
    tracker = tracking(p0=5)
    admitted = tracker.admit(poll_result((0, 3), (0, 4), (0, 5), (1, 0)))
    assert offsets(admitted) == [(0, 5)]
    assert admitted.ranges == {0: OffsetRange(position=6, leader_epoch=0)}


def test_an_untracked_partition_has_neither_messages_nor_an_eof():
    tracker = tracking(p0=5)
    tracker.remove(0)
    assert tracker.admit(poll_result((0, 5), ends={0: 9})) == AdmittedMessages([], {}, {})


def test_an_eof_below_the_next_offset_changes_nothing():
    assert tracking(p0=5).admit(poll_result(ends={0: 3})).ranges == {}


def test_admitted_messages_keep_the_order_of_the_poll():
    admitted = tracking(p0=0, p1=0).admit(poll_result((1, 0), (0, 0), (1, 1), (2, 0), (0, 1)))
    assert offsets(admitted) == [(1, 0), (0, 0), (1, 1), (0, 1)]


@dataclass
class Partition:
    """One partition on the broker, and what a reader received."""

    present: list[bool]
    start: int
    fetched: int
    delivered: list[int] = field(default_factory=list)
    holes: OffsetSums = NO_OFFSETS
    position: int = 0


@settings(max_examples=100)
@given(st.data())
def test_every_offset_is_delivered_once_or_counted_as_a_hole_once(data):
    """For any polls, with any redelivery."""
    partitions = []
    tracker = OffsetTracker()
    for number in range(PARTITIONS):
        present = data.draw(st.lists(st.booleans(), max_size=12))
        start = data.draw(st.integers(0, len(present)))
        partitions.append(Partition(present, start, start, position=start))
        tracker.start(number, start)
    for _ in range(data.draw(st.integers(0, 12))):
        messages, ends = [], {}
        for number, each in enumerate(partitions):
            # A broker may redeliver messages, but never skips one.
            begin = data.draw(st.integers(0, each.fetched))
            stop = data.draw(st.integers(begin, len(each.present)))
            messages += [
                message(number, offset) for offset in range(begin, stop) if each.present[offset]
            ]
            each.fetched = max(each.fetched, stop)
            if stop == len(each.present) and data.draw(st.booleans()):
                ends[number] = stop
        admitted = tracker.admit(PollResult(messages, ends))
        for each in admitted.messages:
            partitions[each.partition()].delivered.append(each.offset())
        for number, covered in admitted.ranges.items():
            partitions[number].position = covered.position
            partitions[number].holes += covered.holes
    for each in partitions:
        expected = [offset for offset in range(each.start, each.position) if each.present[offset]]
        assert each.delivered == expected
        missing = set(range(each.start, each.position)).difference(expected)
        assert each.holes == OffsetSums.of(missing)
