from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from classwaves_ingestor.broker.interface import Polled
from classwaves_ingestor.consumer.cursors import Arrived, Cursors, Span
from tests.unit.ingestor.consumer.messages import message

PARTITIONS = 3


def polled(*places: tuple[int, int], ends: dict[int, int] | None = None) -> Polled:
    return Polled([message(partition, offset) for partition, offset in places], ends or {})


def offsets(arrived: Arrived) -> list[tuple[int, int]]:
    return [(each.partition(), each.offset()) for each in arrived.messages]


def placed(**positions: int) -> Cursors:
    cursors = Cursors()
    for name, offset in positions.items():
        cursors.place(int(name.removeprefix("p")), offset)
    return cursors


def test_messages_from_the_cursor_on_arrive_and_move_it():
    cursors = placed(p0=5)
    arrived = cursors.admit(polled((0, 5), (0, 6)))
    assert offsets(arrived) == [(0, 5), (0, 6)]
    assert arrived.spans == {0: Span(position=7, holes=0)}
    assert cursors.admit(polled((0, 5), (0, 6))) == Arrived([], {}, {})


def test_an_offset_that_is_passed_over_is_a_hole():
    assert placed(p0=5).admit(polled((0, 7), (0, 10))).spans == {0: Span(position=11, holes=4)}


def test_the_end_of_a_partition_tells_of_holes_that_nothing_follows():
    cursors = placed(p0=5)
    assert cursors.admit(polled((0, 5), ends={0: 8})).spans == {0: Span(position=8, holes=2)}
    assert cursors.admit(polled(ends={0: 8})).spans == {}


def test_messages_after_the_end_of_the_same_poll_count_once():
    assert placed(p0=5).admit(polled((0, 5), (0, 6), ends={0: 6})).spans == {
        0: Span(position=7, holes=0)
    }


def test_what_was_fetched_before_a_new_start_is_left_out():
    cursors = placed(p0=5)
    arrived = cursors.admit(polled((0, 3), (0, 4), (0, 5), (1, 0)))
    assert offsets(arrived) == [(0, 5)]
    assert arrived.spans == {0: Span(position=6, holes=0)}


def test_a_partition_without_a_cursor_delivers_nothing_and_has_no_end():
    cursors = placed(p0=5)
    cursors.remove(0)
    assert cursors.admit(polled((0, 5), ends={0: 9})) == Arrived([], {}, {})


def test_an_old_end_below_the_cursor_moves_nothing():
    assert placed(p0=5).admit(polled(ends={0: 3})).spans == {}


def test_partitions_keep_their_order_of_arrival_among_each_other():
    arrived = placed(p0=0, p1=0).admit(polled((1, 0), (0, 0), (1, 1), (2, 0), (0, 1)))
    assert offsets(arrived) == [(1, 0), (0, 0), (1, 1), (0, 1)]


@dataclass
class Partition:
    """What a broker has of one partition, and what a reader of its cursor has seen."""

    present: list[bool]
    start: int
    fetched: int
    delivered: list[int] = field(default_factory=list)
    holes: int = 0
    reached: int = 0


@settings(max_examples=100)
@given(st.data())
def test_every_offset_is_delivered_once_or_counted_as_a_hole_once(data):
    """Whatever the polls bring, and however often they deliver something again."""
    partitions = []
    cursors = Cursors()
    for number in range(PARTITIONS):
        present = data.draw(st.lists(st.booleans(), max_size=12))
        start = data.draw(st.integers(0, len(present)))
        partitions.append(Partition(present, start, start, reached=start))
        cursors.place(number, start)
    for _ in range(data.draw(st.integers(0, 12))):
        messages, ends = [], {}
        for number, each in enumerate(partitions):
            # A broker may deliver again what it delivered before, never pass anything over.
            begin = data.draw(st.integers(0, each.fetched))
            stop = data.draw(st.integers(begin, len(each.present)))
            messages += [
                message(number, offset) for offset in range(begin, stop) if each.present[offset]
            ]
            each.fetched = max(each.fetched, stop)
            if stop == len(each.present) and data.draw(st.booleans()):
                ends[number] = stop
        arrived = cursors.admit(Polled(messages, ends))
        for each in arrived.messages:
            partitions[each.partition()].delivered.append(each.offset())
        for number, span in arrived.spans.items():
            partitions[number].reached = span.position
            partitions[number].holes += span.holes
    for each in partitions:
        expected = [offset for offset in range(each.start, each.reached) if each.present[offset]]
        assert each.delivered == expected
        assert each.holes == each.reached - each.start - len(expected)
