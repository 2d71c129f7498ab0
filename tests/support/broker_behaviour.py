"""The behaviour of every `GroupConsumer`: one suite, run in memory and on Kafka."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import pytest

from classwaves_ingestor.errors import FatalConsumerError
from classwaves_ingestor.kafka.headers import read_headers
from classwaves_ingestor.kafka.interface import (
    FetchPosition,
    GroupConsumer,
    Headers,
    Message,
    PollResult,
    Watermarks,
)
from tests.support.raw_producer import RawHeaders

_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.1


class Broker(Protocol):
    """A topic of two partitions with one group, driven by a test."""

    def produce(self, partition: int, values: Sequence[bytes | None]) -> None: ...
    def produce_one(self, partition: int, value: bytes, key: bytes, headers: Headers) -> None: ...
    def produce_raw(
        self, partition: int, value: bytes, key: bytes | None, headers: RawHeaders
    ) -> int: ...
    def leave_a_hole(self, partition: int) -> int: ...
    def begin_transaction(self, partition: int) -> Callable[[], None]: ...
    def expire(self, partition: int, low: int) -> None: ...
    def add_partition(self) -> None: ...
    def recreate(self) -> None: ...
    def expel(self, member: GroupConsumer) -> None: ...
    def committed_offset(self, partition: int) -> int | None: ...
    def consumer(self, instance_id: str | None = None) -> GroupConsumer: ...


class RecordingListener:
    """A consumer that records its results and starts assigned partitions at given offsets.

    Args:
        member: not subscribed yet.
        at: by partition, the offset to start from once it is assigned.
    """

    def __init__(self, member: GroupConsumer, at: Mapping[int, int] | None = None) -> None:
        self.member = member
        self.at = at or {}
        self.owned: set[int] = set()
        self.revocations: list[int] = []
        self.losses: list[int] = []
        self.messages: list[Message] = []
        self.eof_offsets: dict[int, int] = {}
        self.offset_errors: dict[int, str] = {}
        self._new: set[int] = set()
        member.subscribe(self)

    def on_assigned(self, partitions: Sequence[int]) -> None:
        assert not self.owned & set(partitions), "assigned twice"
        self.owned |= set(partitions)
        self._new |= set(partitions)

    def on_lost(self, partitions: Sequence[int]) -> None:
        self.losses += partitions
        self.on_revoked(partitions)

    def on_revoked(self, partitions: Sequence[int]) -> None:
        self.owned -= set(partitions)
        self._new -= set(partitions)
        self.revocations += partitions

    def poll(self, limit: int = 1000) -> PollResult:
        polled = self.member.poll(limit, _POLL_SECONDS)
        self.messages += polled.messages
        self.eof_offsets |= polled.eof_offsets
        self.offset_errors |= polled.offset_errors
        self.member.start(
            {
                partition: FetchPosition(self.at[partition])
                for partition in self._new & self.at.keys()
            }
        )
        self._new.clear()
        return polled

    def offsets(self, partition: int) -> list[int]:
        return [each.offset() for each in self.messages if each.partition() == partition]


def run_until(
    condition: Callable[[], bool], *readers: RecordingListener, limit: int = 1000
) -> None:
    """Poll with all readers until the condition holds."""
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, [vars(reader) for reader in readers]
        for reader in readers:
            reader.poll(limit)


def poll_in_vain(*readers: RecordingListener, polls: int = 8) -> None:
    """Poll with all readers long enough for unexpected messages to arrive."""
    for _ in range(polls):
        for reader in readers:
            reader.poll()


class ConsumerBehaviour:
    """The suite. A subclass has the fixture `broker`: a new `Broker` for each test."""

    def test_nothing_is_fetched_before_start(self, broker):
        broker.produce(0, [b"a"])
        reader = RecordingListener(broker.consumer())
        run_until(lambda: reader.owned == {0, 1}, reader)
        poll_in_vain(reader)
        assert not reader.messages
        assert not reader.eof_offsets

    def test_start_delivers_from_its_offset_in_order_up_to_eof(self, broker):
        broker.produce(0, [b"a", b"b", b"c", b"d"])
        reader = RecordingListener(broker.consumer(), at={0: 1})
        run_until(lambda: 0 in reader.eof_offsets, reader)
        assert [each.value() for each in reader.messages] == [b"b", b"c", b"d"]
        assert reader.offsets(0) == [1, 2, 3]
        assert reader.eof_offsets == {0: 4}

    def test_a_message_has_its_key_value_headers_and_timestamp(self, broker):
        headers = [("trace", b"\x00\xff"), ("trace", b""), ("empty", None)]
        broker.produce_one(1, b"\x00value", b"\xffkey", headers)
        broker.produce(1, [None])
        reader = RecordingListener(broker.consumer(), at={1: 0})
        run_until(lambda: len(reader.messages) == 2, reader)
        first, tombstone = reader.messages
        assert (first.partition(), first.offset()) == (1, 0)
        assert (first.key(), first.value(), list(first.headers())) == (
            b"\xffkey",
            b"\x00value",
            headers,
        )
        assert first.timestamp()[1] > 0
        assert (tombstone.key(), tombstone.value(), tombstone.headers()) == (None, None, None)

    def test_headers_are_unreadable_at_each_read_if_the_name_of_one_is_not_utf8(self, broker):
        headers = [(b"first", b"1"), (b"zur\xfcck", b"2"), (b"last", None)]
        broker.produce_raw(0, b"value", b"\xffkey", headers)
        broker.produce_raw(0, b"next", None, [(b"", b"1"), ("zurück".encode(), b"2")])
        broker.produce_raw(0, b"none", None, [])
        for _ in range(100):
            broker.produce_raw(0, b"value", None, headers)
        reader = RecordingListener(broker.consumer(), at={0: 0})
        run_until(lambda: len(reader.messages) == 103, reader)
        unreadable, readable, none, *more = reader.messages
        for each in more:  # the interpreter specialises a call that it runs often
            assert read_headers(each) is None
        for _ in range(3):
            assert read_headers(unreadable) is None
            assert list(read_headers(readable)) == [("", b"1"), ("zurück", b"2")]
            assert list(read_headers(none)) == []
        assert (unreadable.key(), unreadable.value()) == (b"\xffkey", b"value")

    def test_a_poll_returns_at_most_its_limit_and_the_next_continues(self, broker):
        broker.produce(0, [b"%d" % number for number in range(50)])
        reader = RecordingListener(broker.consumer(), at={0: 0})
        run_until(lambda: len(reader.messages) > 0, reader, limit=7)
        assert len(reader.messages) <= 7
        run_until(lambda: len(reader.messages) == 50, reader, limit=7)
        assert reader.offsets(0) == list(range(50))

    def test_start_at_another_offset_discards_the_prefetch(self, broker):
        broker.produce(0, [b"x" * 100] * 3000)
        reader = RecordingListener(broker.consumer(), at={0: 0})
        run_until(lambda: len(reader.messages) >= 10, reader, limit=10)
        for offset in (2500, 3, 1200, 4):
            reader.messages.clear()
            reader.member.start({0: FetchPosition(offset)})
            run_until(lambda: len(reader.messages) >= 10, reader, limit=10)
            assert reader.offsets(0)[:10] == list(range(offset, offset + 10))

    def test_stop_ends_delivery_and_keeps_the_assignment(self, broker):
        broker.produce(0, [b"a"] * 100)
        broker.produce(1, [b"b"] * 10)
        reader = RecordingListener(broker.consumer(), at={0: 0, 1: 0})
        run_until(lambda: len(reader.offsets(0)) >= 5, reader, limit=5)
        reader.member.stop([0])
        seen = reader.offsets(0)
        broker.produce(1, [b"b"] * 10)
        run_until(lambda: len(reader.offsets(1)) == 20, reader)
        poll_in_vain(reader)
        assert reader.offsets(0) == seen
        assert reader.owned == {0, 1}
        reader.member.start({0: FetchPosition(len(seen))})
        run_until(lambda: len(reader.offsets(0)) == 100, reader)
        assert reader.offsets(0) == list(range(100))

    def test_a_second_member_takes_a_share_and_the_first_keeps_the_rest(self, broker):
        first = RecordingListener(broker.consumer(), at={0: 0, 1: 0})
        run_until(lambda: first.owned == {0, 1}, first)
        second = RecordingListener(broker.consumer(), at={0: 0, 1: 0})
        run_until(lambda: len(first.owned) == len(second.owned) == 1, first, second)
        assert first.owned | second.owned == {0, 1}
        assert first.revocations == list(second.owned)
        for partition in (0, 1):
            broker.produce(partition, [b"after"] * 3)
        run_until(lambda: len(first.messages) == len(second.messages) == 3, first, second)
        assert {each.partition() for each in first.messages} == first.owned
        assert {each.partition() for each in second.messages} == second.owned

    def test_partitions_of_a_leaving_member_move_to_the_others(self, broker):
        first, second = RecordingListener(broker.consumer()), RecordingListener(broker.consumer())
        run_until(lambda: len(first.owned) == len(second.owned) == 1, first, second)
        second.member.close()
        assert not second.owned
        run_until(lambda: first.owned == {0, 1}, first)
        assert not first.revocations or len(first.revocations) == 1

    def test_an_expelled_member_loses_its_partitions_and_joins_again(self, broker):
        broker.produce(0, [b"a"])
        broker.produce(1, [b"b"])
        sleeper, other = (
            RecordingListener(broker.consumer(), at={0: 0, 1: 0}),
            RecordingListener(broker.consumer(), at={0: 0, 1: 0}),
        )
        run_until(lambda: len(sleeper.owned) == len(other.owned) == 1, sleeper, other)
        lost = set(sleeper.owned)
        sleeper.revocations.clear()
        broker.expel(sleeper.member)
        run_until(lambda: other.owned == {0, 1}, other)
        assert sleeper.owned == lost, "a member notices only in a poll"
        run_until(lambda: len(sleeper.owned) == len(other.owned) == 1, sleeper, other)
        assert set(sleeper.revocations) == lost

    def test_an_expelled_member_hears_of_its_loss_and_of_its_return(self, broker):
        reader = RecordingListener(broker.consumer(), at={0: 0, 1: 0})
        run_until(lambda: reader.owned == {0, 1}, reader)
        other = RecordingListener(broker.consumer())
        run_until(lambda: len(reader.owned) == len(other.owned) == 1, reader, other)
        lost = sorted(reader.owned)
        assert reader.losses == []
        broker.expel(reader.member)
        run_until(lambda: other.owned == {0, 1}, other)
        run_until(lambda: len(reader.owned) == len(other.owned) == 1, reader, other)
        assert reader.losses == lost
        assert other.losses == []

    def test_a_member_whose_instance_id_another_takes_fails_at_each_poll(self, broker):
        broker.produce(0, [b"a"])
        fenced = RecordingListener(broker.consumer("pod-0"), at={0: 0})
        run_until(lambda: len(fenced.messages) == 1, fenced)
        successor = RecordingListener(broker.consumer("pod-0"), at={0: 0})
        run_until(lambda: len(successor.messages) == 1, successor)
        for _ in range(2):
            with pytest.raises(FatalConsumerError, match="KAFKA_GROUP_INSTANCE_ID"):
                run_until(lambda: False, fenced)
        fenced.member.close()
        broker.produce(1, [b"b"])
        successor.member.start({1: FetchPosition(0)})
        run_until(lambda: len(successor.messages) == 2, successor)
        assert successor.owned == {0, 1}

    def test_eof_is_reported_past_holes_at_the_end(self, broker):
        broker.produce(0, [b"a"])
        end = broker.leave_a_hole(0)
        reader = RecordingListener(broker.consumer(), at={0: 0, 1: 0})
        run_until(lambda: reader.eof_offsets.get(0, 0) >= end, reader)
        assert reader.offsets(0) == [0]
        assert reader.eof_offsets == {0: end, 1: 0}

    def test_messages_after_a_hole_keep_their_offsets(self, broker):
        broker.produce(0, [b"a"])
        end = broker.leave_a_hole(0)
        broker.produce(0, [b"b"])
        reader = RecordingListener(broker.consumer(), at={0: 0})
        run_until(lambda: len(reader.messages) == 2, reader)
        assert reader.offsets(0) == [0, end]

    def test_eof_is_reported_again_after_each_message(self, broker):
        reader = RecordingListener(broker.consumer(), at={0: 0})
        for number in (1, 2, 3):
            broker.produce(0, [b"a"])
            run_until(lambda number=number: reader.eof_offsets.get(0) == number, reader)
            assert len(reader.messages) == number

    def test_a_pause_keeps_the_membership_and_resume_loses_nothing(self, broker):
        broker.produce(0, [b"a"] * 500)
        reader = RecordingListener(broker.consumer(), at={0: 0, 1: 0})
        run_until(lambda: len(reader.messages) >= 20, reader, limit=20)
        reader.member.pause()
        seen = len(reader.messages)
        broker.produce(1, [b"b"])
        poll_in_vain(reader)
        assert len(reader.messages) == seen
        assert (reader.owned, reader.revocations) == ({0, 1}, [])
        reader.member.resume()
        run_until(lambda: len(reader.messages) >= 501, reader)
        assert reader.offsets(0) == list(range(500))
        assert reader.offsets(1) == [0]

    def test_a_pause_before_the_first_message_loses_nothing(self, broker):
        broker.produce(0, [b"a"] * 30)
        reader = RecordingListener(broker.consumer())
        run_until(lambda: reader.owned == {0, 1}, reader)
        reader.member.start({0: FetchPosition(5)})
        reader.member.pause()
        poll_in_vain(reader)
        assert not reader.messages
        reader.member.resume()
        run_until(lambda: len(reader.messages) >= 25, reader)
        assert reader.offsets(0) == list(range(5, 30))

    def test_start_during_a_pause_takes_effect_on_resume(self, broker):
        broker.produce(0, [b"a"] * 500)
        reader = RecordingListener(broker.consumer(), at={0: 0})
        run_until(lambda: len(reader.messages) >= 400, reader, limit=50)
        reader.member.pause()
        reader.messages.clear()
        reader.member.start({0: FetchPosition(3)})
        poll_in_vain(reader)
        assert not reader.messages
        reader.member.resume()
        run_until(lambda: len(reader.messages) >= 497, reader)
        assert reader.offsets(0) == list(range(3, 500))

    def test_partitions_assigned_during_a_pause_deliver_after_resume(self, broker):
        broker.produce(0, [b"a"])
        broker.produce(1, [b"b"])
        reader = RecordingListener(broker.consumer(), at={0: 0, 1: 0})
        reader.member.pause()
        run_until(lambda: reader.owned == {0, 1}, reader)
        poll_in_vain(reader)
        assert not reader.messages
        reader.member.resume()
        run_until(lambda: len(reader.messages) == 2, reader)

    def test_an_offset_beyond_the_end_is_an_error_of_that_partition_only(self, broker):
        broker.produce(0, [b"a"])
        broker.produce(1, [b"b"])
        reader = RecordingListener(broker.consumer(), at={0: 9, 1: 0})
        run_until(lambda: 0 in reader.offset_errors and 1 in reader.eof_offsets, reader)
        assert reader.offset_errors[0]
        assert (reader.offsets(0), reader.offsets(1)) == ([], [0])

    def test_an_expired_offset_is_an_error(self, broker):
        broker.produce(0, [b"a"] * 5)
        broker.expire(0, 3)
        reader = RecordingListener(broker.consumer(), at={0: 1})
        run_until(lambda: 0 in reader.offset_errors, reader)
        assert not reader.messages
        reader.member.stop([0])
        reader.member.start({0: FetchPosition(3)})
        run_until(lambda: len(reader.messages) == 2, reader)
        assert reader.offsets(0) == [3, 4]

    def test_an_added_partition_is_assigned(self, broker):
        first, second = (
            RecordingListener(broker.consumer(), at={0: 0, 1: 0, 2: 0}) for _ in range(2)
        )
        run_until(lambda: len(first.owned) == len(second.owned) == 1, first, second)
        broker.add_partition()
        run_until(lambda: first.owned | second.owned == {0, 1, 2}, first, second)
        assert not first.owned & second.owned
        broker.produce(2, [b"c"])
        run_until(lambda: [*first.offsets(2), *second.offsets(2)] == [0], first, second)

    def test_watermarks_are_current(self, broker):
        member = broker.consumer()
        assert member.watermarks([0]) == {0: Watermarks(0, 0)}
        broker.produce(0, [b"a"] * 5)
        assert member.watermarks([0]) == {0: Watermarks(0, 5)}
        broker.expire(0, 2)
        assert member.watermarks([0]) == {0: Watermarks(2, 5)}

    def test_an_open_transaction_holds_delivery_and_eof_but_not_the_high_watermark(self, broker):
        broker.produce(0, [b"a"])
        abort = broker.begin_transaction(0)
        broker.produce(0, [b"b"])
        reader = RecordingListener(broker.consumer(), at={0: 0})
        run_until(lambda: reader.eof_offsets.get(0) == 1, reader)
        poll_in_vain(reader)
        assert (reader.offsets(0), reader.eof_offsets[0]) == ([0], 1)
        assert reader.member.watermarks([0]) == {0: Watermarks(0, 3)}
        abort()
        run_until(lambda: reader.eof_offsets.get(0) == 4, reader)
        assert reader.offsets(0) == [0, 2]
        assert reader.member.watermarks([0]) == {0: Watermarks(0, 4)}

    def test_committed_offsets_are_visible_and_never_read(self, broker):
        broker.produce(0, [b"a"] * 5)
        reader = RecordingListener(broker.consumer(), at={0: 0})
        run_until(lambda: len(reader.messages) == 5, reader)
        reader.member.commit_offsets({0: 4})
        run_until(lambda: broker.committed_offset(0) == 4, reader)
        reader.member.close()
        next_one = RecordingListener(broker.consumer(), at={0: 1})
        run_until(lambda: len(next_one.messages) == 4, next_one)
        assert next_one.offsets(0) == [1, 2, 3, 4]

    def test_a_recreated_topic_has_another_id(self, broker):
        member = broker.consumer()
        before = member.topic_id()
        assert member.topic_id() == before
        broker.recreate()
        assert member.topic_id() != before
