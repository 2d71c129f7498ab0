"""A topic in memory, read by one group whose members share its partitions cooperatively.

For tests: it passes the same behaviour suite as Kafka. Not thread-safe.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from classwaves_ingestor.kafka.interface import (
    Connection,
    FetchPosition,
    Headers,
    Message,
    PollResult,
    RebalanceListener,
    Watermarks,
    fatal_error,
)
from classwaves_runtime.clock import Clock

_CREATE_TIME, _APPEND_TIME = 1, 2


RawHeaders = Sequence[tuple[str | bytes, bytes | None]]
"""Headers as a producer sends them; a name is any bytes."""


@dataclass(slots=True)
class MemoryMessage:
    """A message with the methods of Kafka's client."""

    coordinates: tuple[int, int]
    timestamp_ms: int
    key_bytes: bytes | None
    value_bytes: bytes | None
    header_list: RawHeaders | None
    timestamp_type: int = _CREATE_TIME
    epoch: int = 0

    def partition(self) -> int:
        """See `Message.partition`."""
        return self.coordinates[0]

    def offset(self) -> int:
        """See `Message.offset`."""
        return self.coordinates[1]

    def leader_epoch(self) -> int | None:
        """See `Message.leader_epoch`."""
        return self.epoch

    def key(self) -> bytes | None:
        """See `Message.key`."""
        return self.key_bytes

    def value(self) -> bytes | None:
        """See `Message.value`."""
        return self.value_bytes

    def headers(self) -> Headers | None:
        """See `Message.headers`."""
        if self.header_list is None or all(isinstance(name, str) for name, _ in self.header_list):
            return cast("Headers | None", self.header_list)
        try:
            return [
                (name.decode() if isinstance(name, bytes) else name, value)
                for name, value in self.header_list
            ]
        except UnicodeDecodeError as error:
            raise SystemError("headers() returned a result with an exception set") from error

    def set_headers(self, headers: Headers) -> None:
        """See `Message.set_headers`."""
        self.header_list = headers

    def timestamp(self) -> tuple[int, int]:
        """See `Message.timestamp`."""
        return self.timestamp_type, self.timestamp_ms


@dataclass(slots=True)
class _Log:
    low: int = 0
    high: int = 0
    messages: dict[int, MemoryMessage] = field(default_factory=dict)
    transaction: int | None = None
    corrupt: set[int] = field(default_factory=set)
    epoch_starts: list[int] = field(default_factory=lambda: [0])

    @property
    def stable(self) -> int:
        """The end of what is delivered: the first offset of the open transaction, if any."""
        return self.high if self.transaction is None else self.transaction

    @property
    def epoch(self) -> int:
        """The present leader epoch."""
        return len(self.epoch_starts) - 1

    def has(self, position: FetchPosition) -> bool:
        """Whether messages can be fetched from here, under the epoch of the message before."""
        end, epoch = self.high, position.leader_epoch
        if epoch is not None and epoch < self.epoch:
            end = self.epoch_starts[epoch + 1]
        return self.low <= position.offset <= end


class MemoryTopic:
    """A topic with one consumer group: partition logs with offsets, holes and retention.

    Args:
        partitions: number of partitions at the start.
        append_clock: stamps each message, as the broker does in a topic with LogAppendTime; None
            for timestamps of the producers.
    """

    def __init__(self, partitions: int, append_clock: Clock | None = None) -> None:
        self._append_clock = append_clock
        self._logs = [_Log() for _ in range(partitions)]
        self._members: list[MemoryGroupConsumer] = []
        self._creations = 1
        self.committed_offsets: dict[int, int] = {}
        self.silent_seconds = 0.0
        self.leaderless: set[int] = set()

    @property
    def partitions(self) -> int:
        """The number of partitions."""
        return len(self._logs)

    @property
    def topic_id(self) -> str:
        """The topic's id; `recreate` changes it."""
        return f"memory-{self._creations}"

    def produce(
        self,
        partition: int,
        value: bytes | None,
        key: bytes | None = None,
        *,
        headers: RawHeaders | None = None,
        timestamp_ms: int = 0,
    ) -> int:
        """Append a message and return its offset."""
        log = self._logs[partition]
        offset = log.high
        kind = _CREATE_TIME
        if self._append_clock is not None:
            timestamp_ms = int(self._append_clock.now().timestamp() * 1000)
            kind = _APPEND_TIME
        log.messages[offset] = MemoryMessage(
            (partition, offset), timestamp_ms, key, value, headers, kind, log.epoch
        )
        log.high += 1
        return offset

    def skip(self, partition: int, offsets: int = 1) -> None:
        """Leave a hole, as a transaction marker does."""
        self._logs[partition].high += offsets

    def begin_transaction(self, partition: int) -> None:
        """Append an uncommitted message; no later message is delivered until `abort`."""
        log = self._logs[partition]
        log.transaction = log.high
        log.high += 1

    def abort(self, partition: int) -> None:
        """Abort the open transaction: its message and its marker are holes."""
        log = self._logs[partition]
        log.transaction = None
        log.high += 1

    def expire(self, partition: int, low: int) -> None:
        """Delete all messages below an offset, as retention does."""
        log = self._logs[partition]
        log.low = low
        log.messages = {
            offset: message for offset, message in log.messages.items() if offset >= low
        }

    def lose_tail(self, partition: int, high: int) -> None:
        """Lose the messages from an offset on, as in an unclean election of a new leader."""
        log = self._logs[partition]
        log.high = high
        log.messages = {
            offset: message for offset, message in log.messages.items() if offset < high
        }
        log.epoch_starts = [min(start, high) for start in log.epoch_starts] + [high]

    def corrupt(self, partition: int, offset: int) -> None:
        """Damage a message on the broker's disk."""
        self._logs[partition].corrupt.add(offset)

    def add_partition(self) -> int:
        """Add a partition; members are assigned it in their next polls."""
        self._logs.append(_Log())
        return len(self._logs) - 1

    def recreate(self) -> None:
        """Delete the topic and create it again: as many partitions, all empty, another id."""
        self._logs = [_Log() for _ in self._logs]
        self._creations += 1

    def consumer(self, instance_id: str | None = None) -> "MemoryGroupConsumer":
        """A consumer that has not joined the group yet.

        Args:
            instance_id: makes it a static member, which fences its predecessor of the same id.
        """
        return MemoryGroupConsumer(self, instance_id)

    def expel(self, member: "MemoryGroupConsumer") -> None:
        """Remove a member, as after a session timeout; its next poll joins again."""
        self._members.remove(member)

    def watermarks(self, partition: int) -> tuple[int, int]:
        """Low and high watermark of a partition."""
        log = self._logs[partition]
        return log.low, log.high

    def has(self, partition: int, position: FetchPosition) -> bool:
        """Whether messages can be fetched from this position."""
        return self._logs[partition].has(position)

    def is_corrupt(self, partition: int, offset: int) -> bool:
        """Whether the message at this offset is damaged."""
        log = self._logs[partition]
        return log.low <= offset and offset in log.corrupt

    def fetch(
        self, partition: int, position: FetchPosition, limit: int
    ) -> tuple[list[Message], FetchPosition]:
        """Up to `limit` messages from a position, and the next one after them and after holes."""
        log, found = self._logs[partition], list[Message]()
        offset, epoch = position.offset, position.leader_epoch
        while offset < log.stable and len(found) < limit and offset not in log.corrupt:
            if offset in log.messages:
                found.append(log.messages[offset])
                epoch = log.messages[offset].epoch
            offset += 1
        return found, FetchPosition(offset, epoch)

    def stable_end(self, partition: int) -> int:
        """The end of what is delivered of a partition."""
        return self._logs[partition].stable

    def join(self, member: "MemoryGroupConsumer") -> None:
        """Add a member, unless it is one already. Fences another one with its instance id."""
        if member in self._members:
            return
        for other in self._members:
            if other.instance_id is not None and other.instance_id == member.instance_id:
                self._members.remove(other)
                other.fenced = True
                break
        self._members.append(member)

    def leave(self, member: "MemoryGroupConsumer") -> None:
        """Remove a member, if it is one."""
        if member in self._members:
            self._members.remove(member)

    def is_member(self, member: "MemoryGroupConsumer") -> bool:
        """Whether this consumer is a member."""
        return member in self._members

    def assignment(self, member: "MemoryGroupConsumer") -> set[int]:
        """The partitions that a member should own."""
        index = self._members.index(member)
        return {
            partition
            for partition in range(len(self._logs))
            if partition % len(self._members) == index
        }

    def owned_by_others(self, member: "MemoryGroupConsumer") -> set[int]:
        """The partitions that other members have not given up yet."""
        return set().union(*(other.assigned for other in self._members if other is not member))


class MemoryGroupConsumer:
    """A member of the only group of a `MemoryTopic`."""

    def __init__(self, topic: MemoryTopic, instance_id: str | None = None) -> None:
        self._topic = topic
        self.instance_id = instance_id
        self.fenced = False
        self._listener: RebalanceListener | None = None
        self._next: dict[int, FetchPosition] = {}
        self._reported_eofs: dict[int, int] = {}
        self._paused = False
        self.assigned: set[int] = set()

    def subscribe(self, listener: RebalanceListener) -> None:
        """See `GroupConsumer.subscribe`."""
        self._listener = listener
        self._topic.join(self)

    def poll(self, limit: int, timeout: float) -> PollResult:  # noqa: ARG002 - memory never blocks
        """See `GroupConsumer.poll`."""
        if self.fenced:
            raise fatal_error("Static consumer fenced by other consumer with same instance id")
        self._rebalance()
        messages: list[Message] = []
        eof_offsets: dict[int, int] = {}
        offset_errors: dict[int, str] = {}
        corrupt_batches: dict[int, str] = {}
        for partition in [] if self._paused else sorted(self._next):
            if not self._topic.has(partition, self._next[partition]):
                offset_errors[partition] = "Broker: Offset out of range"
                del self._next[partition]
                continue
            found, reached = self._topic.fetch(
                partition, self._next[partition], limit - len(messages)
            )
            messages += found
            self._next[partition] = reached
            end = self._topic.stable_end(partition)
            if self._topic.is_corrupt(partition, reached.offset):
                corrupt_batches[partition] = "Local: Bad message format"
                offset_errors[partition] = "Broker: Offset out of range"
            elif reached.offset == end and self._reported_eofs.get(partition) != end:
                eof_offsets[partition] = self._reported_eofs[partition] = end
        return PollResult(messages, eof_offsets, offset_errors, corrupt_batches)

    def start(self, positions: Mapping[int, FetchPosition]) -> None:
        """See `GroupConsumer.start`."""
        self._next.update(positions)
        for partition in positions:
            self._reported_eofs.pop(partition, None)

    def stop(self, partitions: Sequence[int]) -> None:
        """See `GroupConsumer.stop`."""
        for partition in partitions:
            self._next.pop(partition, None)

    def pause(self) -> None:
        """See `GroupConsumer.pause`."""
        self._paused = True

    def resume(self) -> None:
        """See `GroupConsumer.resume`."""
        self._paused = False

    def watermarks(self, partitions: Collection[int]) -> Mapping[int, Watermarks]:
        """See `GroupConsumer.watermarks`."""
        return {
            each: Watermarks(*self._topic.watermarks(each))
            for each in partitions
            if each not in self._topic.leaderless
        }

    def connection(self) -> Connection:
        """See `GroupConsumer.connection`."""
        return Connection(self._topic.silent_seconds)

    def topic_id(self) -> str:
        """See `GroupConsumer.topic_id`."""
        return self._topic.topic_id

    def end_offsets(self) -> Mapping[int, int]:
        """See `GroupConsumer.end_offsets`."""
        return {partition: self._topic.watermarks(partition)[1] for partition in self._next}

    def commit_offsets(self, positions: Mapping[int, int]) -> None:
        """See `GroupConsumer.commit_offsets`."""
        self._topic.committed_offsets.update(positions)

    def close(self) -> None:
        """See `GroupConsumer.close`."""
        self._revoke(self.assigned)
        self._topic.leave(self)

    def _rebalance(self) -> None:
        if not self._topic.is_member(self):
            self._revoke(self.assigned, lost=True)
            self._topic.join(self)
        assignment = self._topic.assignment(self)
        self._revoke(self.assigned - assignment)
        free = assignment - self.assigned - self._topic.owned_by_others(self)
        if free and self._listener is not None:
            self.assigned |= free
            self._listener.on_assigned(sorted(free))

    def _revoke(self, partitions: set[int], *, lost: bool = False) -> None:
        if partitions and self._listener is not None:
            revoked = sorted(partitions)
            self.assigned -= set(revoked)
            self.stop(revoked)
            (self._listener.on_lost if lost else self._listener.on_revoked)(revoked)
