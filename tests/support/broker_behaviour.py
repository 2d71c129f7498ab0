"""What every broker must do for its members: one suite, run on the broker in the process and on Kafka."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from classwaves_ingestor.broker.interface import Headers, Member, Message, Polled

_PATIENCE_SECONDS = 60.0
_POLL_SECONDS = 0.1


class Broker(Protocol):
    """A topic of two partitions and its one group, as a test drives them."""

    def produce(self, partition: int, values: Sequence[bytes | None]) -> None: ...
    def produce_one(self, partition: int, value: bytes, key: bytes, headers: Headers) -> None: ...
    def leave_a_hole(self, partition: int) -> int: ...
    def expire(self, partition: int, low: int) -> None: ...
    def add_partition(self) -> None: ...
    def recreate(self) -> None: ...
    def expel(self, member: Member) -> None: ...
    def recorded(self, partition: int) -> int | None: ...
    def member(self) -> Member: ...


class Reader:
    """A member with all that it has been told; partitions that it is granted are started where `at` says.

    Args:
        member: not subscribed yet.
        at: by partition, the offset to start from as soon as it is granted.
    """

    def __init__(self, member: Member, at: Mapping[int, int] | None = None) -> None:
        self.member = member
        self.at = at or {}
        self.owned: set[int] = set()
        self.withdrawals: list[int] = []
        self.messages: list[Message] = []
        self.ends: dict[int, int] = {}
        self.refused: dict[int, str] = {}
        self._new: set[int] = set()
        member.subscribe(self)

    def granted(self, partitions: Sequence[int]) -> None:
        assert not self.owned & set(partitions), "granted twice"
        self.owned |= set(partitions)
        self._new |= set(partitions)

    def withdrawn(self, partitions: Sequence[int]) -> None:
        self.owned -= set(partitions)
        self._new -= set(partitions)
        self.withdrawals += partitions

    def turn(self, limit: int = 1000) -> Polled:
        polled = self.member.poll(limit, _POLL_SECONDS)
        self.messages += polled.messages
        self.ends |= polled.ends
        self.refused |= polled.refused
        self.member.start(
            {partition: self.at[partition] for partition in self._new & self.at.keys()}
        )
        self._new.clear()
        return polled

    def offsets(self, partition: int) -> list[int]:
        return [each.offset() for each in self.messages if each.partition() == partition]


def turn_until(condition: Callable[[], bool], *readers: Reader, limit: int = 1000) -> None:
    """Let all of them poll until it is so."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, [vars(reader) for reader in readers]
        for reader in readers:
            reader.turn(limit)


def turn_in_vain(*readers: Reader, turns: int = 8) -> None:
    """Let all of them poll long enough for something to come that should not."""
    for _ in range(turns):
        for reader in readers:
            reader.turn()


class MemberBehaviour:
    """The suite. A subclass gives the fixture `broker`: a `Broker`, new for each test."""

    def test_nothing_is_fetched_before_start_says_from_where(self, broker):
        broker.produce(0, [b"a"])
        reader = Reader(broker.member())
        turn_until(lambda: reader.owned == {0, 1}, reader)
        turn_in_vain(reader)
        assert not reader.messages
        assert not reader.ends

    def test_start_delivers_from_its_offset_in_order_and_tells_the_end(self, broker):
        broker.produce(0, [b"a", b"b", b"c", b"d"])
        reader = Reader(broker.member(), at={0: 1})
        turn_until(lambda: 0 in reader.ends, reader)
        assert [each.value() for each in reader.messages] == [b"b", b"c", b"d"]
        assert reader.offsets(0) == [1, 2, 3]
        assert reader.ends == {0: 4}

    def test_a_message_arrives_with_its_key_value_headers_and_time(self, broker):
        headers = [("trace", b"\x00\xff"), ("trace", b""), ("empty", None)]
        broker.produce_one(1, b"\x00value", b"\xffkey", headers)
        broker.produce(1, [None])
        reader = Reader(broker.member(), at={1: 0})
        turn_until(lambda: len(reader.messages) == 2, reader)
        first, tombstone = reader.messages
        assert (first.partition(), first.offset()) == (1, 0)
        assert (first.key(), first.value(), list(first.headers())) == (
            b"\xffkey",
            b"\x00value",
            headers,
        )
        assert first.timestamp()[1] > 0
        assert (tombstone.key(), tombstone.value(), tombstone.headers()) == (None, None, None)

    def test_a_poll_brings_no_more_than_its_limit_and_the_next_goes_on(self, broker):
        broker.produce(0, [b"%d" % number for number in range(50)])
        reader = Reader(broker.member(), at={0: 0})
        turn_until(lambda: len(reader.messages) > 0, reader, limit=7)
        assert len(reader.messages) <= 7
        turn_until(lambda: len(reader.messages) == 50, reader, limit=7)
        assert reader.offsets(0) == list(range(50))

    def test_start_at_another_offset_delivers_nothing_of_what_was_prefetched(self, broker):
        broker.produce(0, [b"x" * 100] * 3000)
        reader = Reader(broker.member(), at={0: 0})
        turn_until(lambda: len(reader.messages) >= 10, reader, limit=10)
        for offset in (2500, 3, 1200, 4):
            reader.messages.clear()
            reader.member.start({0: offset})
            turn_until(lambda: len(reader.messages) >= 10, reader, limit=10)
            assert reader.offsets(0)[:10] == list(range(offset, offset + 10))

    def test_stop_delivers_no_more_and_keeps_the_partition(self, broker):
        broker.produce(0, [b"a"] * 100)
        broker.produce(1, [b"b"] * 10)
        reader = Reader(broker.member(), at={0: 0, 1: 0})
        turn_until(lambda: len(reader.offsets(0)) >= 5, reader, limit=5)
        reader.member.stop([0])
        seen = reader.offsets(0)
        broker.produce(1, [b"b"] * 10)
        turn_until(lambda: len(reader.offsets(1)) == 20, reader)
        turn_in_vain(reader)
        assert reader.offsets(0) == seen
        assert reader.owned == {0, 1}
        reader.member.start({0: len(seen)})
        turn_until(lambda: len(reader.offsets(0)) == 100, reader)
        assert reader.offsets(0) == list(range(100))

    def test_a_second_member_takes_a_share_and_the_first_keeps_reading_its_own(self, broker):
        first = Reader(broker.member(), at={0: 0, 1: 0})
        turn_until(lambda: first.owned == {0, 1}, first)
        second = Reader(broker.member(), at={0: 0, 1: 0})
        turn_until(lambda: len(first.owned) == len(second.owned) == 1, first, second)
        assert first.owned | second.owned == {0, 1}
        assert first.withdrawals == list(second.owned)
        for partition in (0, 1):
            broker.produce(partition, [b"after"] * 3)
        turn_until(lambda: len(first.messages) == len(second.messages) == 3, first, second)
        assert {each.partition() for each in first.messages} == first.owned
        assert {each.partition() for each in second.messages} == second.owned

    def test_what_a_member_leaves_behind_goes_to_the_others(self, broker):
        first, second = Reader(broker.member()), Reader(broker.member())
        turn_until(lambda: len(first.owned) == len(second.owned) == 1, first, second)
        second.member.close()
        assert not second.owned
        turn_until(lambda: first.owned == {0, 1}, first)
        assert not first.withdrawals or len(first.withdrawals) == 1

    def test_a_member_that_is_given_up_hears_so_and_joins_again(self, broker):
        broker.produce(0, [b"a"])
        broker.produce(1, [b"b"])
        sleeper, other = (
            Reader(broker.member(), at={0: 0, 1: 0}),
            Reader(broker.member(), at={0: 0, 1: 0}),
        )
        turn_until(lambda: len(sleeper.owned) == len(other.owned) == 1, sleeper, other)
        lost = set(sleeper.owned)
        sleeper.withdrawals.clear()
        broker.expel(sleeper.member)
        turn_until(lambda: other.owned == {0, 1}, other)
        assert sleeper.owned == lost, "a member hears of its fate in a poll only"
        turn_until(lambda: len(sleeper.owned) == len(other.owned) == 1, sleeper, other)
        assert set(sleeper.withdrawals) == lost

    def test_the_end_is_told_past_holes_that_nothing_follows(self, broker):
        broker.produce(0, [b"a"])
        end = broker.leave_a_hole(0)
        reader = Reader(broker.member(), at={0: 0, 1: 0})
        turn_until(lambda: reader.ends.get(0, 0) >= end, reader)
        assert reader.offsets(0) == [0]
        assert reader.ends == {0: end, 1: 0}

    def test_messages_after_a_hole_keep_their_offsets(self, broker):
        broker.produce(0, [b"a"])
        end = broker.leave_a_hole(0)
        broker.produce(0, [b"b"])
        reader = Reader(broker.member(), at={0: 0})
        turn_until(lambda: len(reader.messages) == 2, reader)
        assert reader.offsets(0) == [0, end]

    def test_a_new_end_is_told_after_each_message(self, broker):
        reader = Reader(broker.member(), at={0: 0})
        for number in (1, 2, 3):
            broker.produce(0, [b"a"])
            turn_until(lambda number=number: reader.ends.get(0) == number, reader)
            assert len(reader.messages) == number

    def test_a_pause_delivers_nothing_and_keeps_the_membership_and_resume_loses_nothing(
        self, broker
    ):
        broker.produce(0, [b"a"] * 500)
        reader = Reader(broker.member(), at={0: 0, 1: 0})
        turn_until(lambda: len(reader.messages) >= 20, reader, limit=20)
        reader.member.pause()
        seen = len(reader.messages)
        broker.produce(1, [b"b"])
        turn_in_vain(reader)
        assert len(reader.messages) == seen
        assert (reader.owned, reader.withdrawals) == ({0, 1}, [])
        reader.member.resume()
        turn_until(lambda: len(reader.messages) >= 501, reader)
        assert reader.offsets(0) == list(range(500))
        assert reader.offsets(1) == [0]

    def test_a_pause_before_anything_was_delivered_loses_nothing(self, broker):
        broker.produce(0, [b"a"] * 30)
        reader = Reader(broker.member())
        turn_until(lambda: reader.owned == {0, 1}, reader)
        reader.member.start({0: 5})
        reader.member.pause()
        turn_in_vain(reader)
        assert not reader.messages
        reader.member.resume()
        turn_until(lambda: len(reader.messages) >= 25, reader)
        assert reader.offsets(0) == list(range(5, 30))

    def test_start_elsewhere_while_paused_goes_on_from_there_on_resume(self, broker):
        broker.produce(0, [b"a"] * 500)
        reader = Reader(broker.member(), at={0: 0})
        turn_until(lambda: len(reader.messages) >= 400, reader, limit=50)
        reader.member.pause()
        reader.messages.clear()
        reader.member.start({0: 3})
        turn_in_vain(reader)
        assert not reader.messages
        reader.member.resume()
        turn_until(lambda: len(reader.messages) >= 497, reader)
        assert reader.offsets(0) == list(range(3, 500))

    def test_partitions_that_are_granted_during_a_pause_stay_silent_until_resume(self, broker):
        broker.produce(0, [b"a"])
        broker.produce(1, [b"b"])
        reader = Reader(broker.member(), at={0: 0, 1: 0})
        reader.member.pause()
        turn_until(lambda: reader.owned == {0, 1}, reader)
        turn_in_vain(reader)
        assert not reader.messages
        reader.member.resume()
        turn_until(lambda: len(reader.messages) == 2, reader)

    def test_an_offset_beyond_the_end_is_refused_and_the_other_partition_goes_on(self, broker):
        broker.produce(0, [b"a"])
        broker.produce(1, [b"b"])
        reader = Reader(broker.member(), at={0: 9, 1: 0})
        turn_until(lambda: 0 in reader.refused and 1 in reader.ends, reader)
        assert reader.refused[0]
        assert (reader.offsets(0), reader.offsets(1)) == ([], [0])

    def test_an_offset_that_has_expired_is_refused(self, broker):
        broker.produce(0, [b"a"] * 5)
        broker.expire(0, 3)
        reader = Reader(broker.member(), at={0: 1})
        turn_until(lambda: 0 in reader.refused, reader)
        assert not reader.messages
        reader.member.stop([0])
        reader.member.start({0: 3})
        turn_until(lambda: len(reader.messages) == 2, reader)
        assert reader.offsets(0) == [3, 4]

    def test_a_partition_that_is_added_is_granted_to_somebody(self, broker):
        first, second = (Reader(broker.member(), at={0: 0, 1: 0, 2: 0}) for _ in range(2))
        turn_until(lambda: len(first.owned) == len(second.owned) == 1, first, second)
        broker.add_partition()
        turn_until(lambda: first.owned | second.owned == {0, 1, 2}, first, second)
        assert not first.owned & second.owned
        broker.produce(2, [b"c"])
        turn_until(lambda: [*first.offsets(2), *second.offsets(2)] == [0], first, second)

    def test_watermarks_are_what_the_broker_has_now(self, broker):
        member = broker.member()
        assert member.watermarks(0) == (0, 0)
        broker.produce(0, [b"a"] * 5)
        assert member.watermarks(0) == (0, 5)
        broker.expire(0, 2)
        assert member.watermarks(0) == (2, 5)

    def test_what_is_recorded_is_seen_as_the_groups_offset_and_is_not_read_back(self, broker):
        broker.produce(0, [b"a"] * 5)
        reader = Reader(broker.member(), at={0: 0})
        turn_until(lambda: len(reader.messages) == 5, reader)
        reader.member.record({0: 4})
        turn_until(lambda: broker.recorded(0) == 4, reader)
        reader.member.close()
        next_one = Reader(broker.member(), at={0: 1})
        turn_until(lambda: len(next_one.messages) == 4, next_one)
        assert next_one.offsets(0) == [1, 2, 3, 4]

    def test_a_topic_that_is_created_again_has_another_id(self, broker):
        member = broker.member()
        before = member.topic_id()
        assert member.topic_id() == before
        broker.recreate()
        assert member.topic_id() != before
