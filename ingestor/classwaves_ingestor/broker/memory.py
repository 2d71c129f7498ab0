"""A broker in the process: a topic, and groups whose members share its partitions cooperatively.

For tests of what is built on `Member`: it passes the same behaviour suite as Kafka. One thread at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from classwaves_ingestor.broker.interface import Headers, Listener, Message, Polled

_CREATE_TIME = 1


@dataclass(frozen=True, slots=True)
class MemoryMessage:
    """A message as Kafka's client shows one."""

    at: tuple[int, int]
    stamped_ms: int
    key_bytes: bytes | None
    value_bytes: bytes | None
    header_list: Headers | None

    def partition(self) -> int:
        """See `Message.partition`."""
        return self.at[0]

    def offset(self) -> int:
        """See `Message.offset`."""
        return self.at[1]

    def key(self) -> bytes | None:
        """See `Message.key`."""
        return self.key_bytes

    def value(self) -> bytes | None:
        """See `Message.value`."""
        return self.value_bytes

    def headers(self) -> Headers | None:
        """See `Message.headers`."""
        return self.header_list

    def timestamp(self) -> tuple[int, int]:
        """See `Message.timestamp`."""
        return _CREATE_TIME, self.stamped_ms


@dataclass(slots=True)
class _Log:
    low: int = 0
    high: int = 0
    messages: dict[int, MemoryMessage] = field(default_factory=dict)


class MemoryTopic:
    """A topic of one group: logs with offsets, holes and retention, and the members that read it.

    Args:
        partitions: how many it starts with.
    """

    def __init__(self, partitions: int) -> None:
        self._logs = [_Log() for _ in range(partitions)]
        self._members: list[MemoryMember] = []
        self._incarnation = 1
        self.recorded: dict[int, int] = {}

    @property
    def topic_id(self) -> str:
        """The id of the present incarnation."""
        return f"memory-{self._incarnation}"

    def produce(
        self,
        partition: int,
        value: bytes | None,
        key: bytes | None = None,
        *,
        headers: Headers | None = None,
        timestamp_ms: int = 0,
    ) -> int:
        """Append a message and return its offset."""
        log = self._logs[partition]
        offset = log.high
        log.messages[offset] = MemoryMessage((partition, offset), timestamp_ms, key, value, headers)
        log.high += 1
        return offset

    def skip(self, partition: int, offsets: int = 1) -> None:
        """Leave a hole, as a transaction marker does."""
        self._logs[partition].high += offsets

    def expire(self, partition: int, low: int) -> None:
        """Drop everything below an offset, as retention does."""
        log = self._logs[partition]
        log.low = low
        log.messages = {
            offset: message for offset, message in log.messages.items() if offset >= low
        }

    def add_partition(self) -> int:
        """One partition more; members are granted it on their next polls."""
        self._logs.append(_Log())
        return len(self._logs) - 1

    def recreate(self) -> None:
        """Delete the topic and create it again with as many partitions: all are empty, and the id is another."""
        self._logs = [_Log() for _ in self._logs]
        self._incarnation += 1

    def member(self) -> "MemoryMember":
        """A member that has not joined yet."""
        return MemoryMember(self)

    def expel(self, member: "MemoryMember") -> None:
        """Give a member up, as the group does with one that is silent for too long; its next poll joins again."""
        self._members.remove(member)

    def watermarks(self, partition: int) -> tuple[int, int]:
        """The first offset kept and the next one to be given."""
        log = self._logs[partition]
        return log.low, log.high

    def fetch(self, partition: int, offset: int, limit: int) -> tuple[list[Message], int]:
        """Up to `limit` messages from an offset on, and the offset after them (after holes too)."""
        log, found = self._logs[partition], list[Message]()
        while offset < log.high and len(found) < limit:
            if offset in log.messages:
                found.append(log.messages[offset])
            offset += 1
        return found, offset

    def join(self, member: "MemoryMember") -> None:
        """Count a member in, if it is not."""
        if member not in self._members:
            self._members.append(member)

    def leave(self, member: "MemoryMember") -> None:
        """Count a member out."""
        if member in self._members:
            self._members.remove(member)

    def is_member(self, member: "MemoryMember") -> bool:
        """Whether the group counts this member in."""
        return member in self._members

    def share(self, member: "MemoryMember") -> set[int]:
        """The partitions that a member should have."""
        place = self._members.index(member)
        return {
            partition
            for partition in range(len(self._logs))
            if partition % len(self._members) == place
        }

    def held_by_others(self, member: "MemoryMember") -> set[int]:
        """What the group believes that other members still hold."""
        return set().union(*(other.granted for other in self._members if other is not member))


class MemoryMember:
    """A member of the only group of a `MemoryTopic`; see `Member` for every method."""

    def __init__(self, topic: MemoryTopic) -> None:
        self._topic = topic
        self._listener: Listener | None = None
        self._next: dict[int, int] = {}
        self._told: dict[int, int] = {}
        self._paused = False
        self.granted: set[int] = set()

    def subscribe(self, listener: Listener) -> None:
        """See `Member.subscribe`."""
        self._listener = listener
        self._topic.join(self)

    def poll(self, limit: int, timeout: float) -> Polled:  # noqa: ARG002 - a process has nothing to wait for
        """See `Member.poll`."""
        self._rebalance()
        messages: list[Message] = []
        ends: dict[int, int] = {}
        refused: dict[int, str] = {}
        for partition, position in [] if self._paused else sorted(self._next.items()):
            low, high = self._topic.watermarks(partition)
            if not low <= position <= high:
                refused[partition] = "Broker: Offset out of range"
                del self._next[partition]
                continue
            found, reached = self._topic.fetch(partition, position, limit - len(messages))
            messages += found
            self._next[partition] = reached
            if reached == high and self._told.get(partition) != high:
                ends[partition] = self._told[partition] = high
        return Polled(messages, ends, refused)

    def start(self, positions: Mapping[int, int]) -> None:
        """See `Member.start`."""
        self._next.update(positions)
        for partition in positions:
            self._told.pop(partition, None)

    def stop(self, partitions: Sequence[int]) -> None:
        """See `Member.stop`."""
        for partition in partitions:
            self._next.pop(partition, None)

    def pause(self) -> None:
        """See `Member.pause`."""
        self._paused = True

    def resume(self) -> None:
        """See `Member.resume`."""
        self._paused = False

    def watermarks(self, partition: int) -> tuple[int, int]:
        """See `Member.watermarks`."""
        return self._topic.watermarks(partition)

    def topic_id(self) -> str:
        """See `Member.topic_id`."""
        return self._topic.topic_id

    def ends(self) -> Mapping[int, int]:
        """See `Member.ends`."""
        return {partition: self._topic.watermarks(partition)[1] for partition in self._next}

    def record(self, positions: Mapping[int, int]) -> None:
        """See `Member.record`."""
        self._topic.recorded.update(positions)

    def close(self) -> None:
        """See `Member.close`."""
        self._withdraw(self.granted)
        self._topic.leave(self)

    def _rebalance(self) -> None:
        if not self._topic.is_member(self):
            self._withdraw(self.granted)
            self._topic.join(self)
        share = self._topic.share(self)
        self._withdraw(self.granted - share)
        free = share - self.granted - self._topic.held_by_others(self)
        if free and self._listener is not None:
            self.granted |= free
            self._listener.granted(sorted(free))

    def _withdraw(self, partitions: set[int]) -> None:
        if partitions and self._listener is not None:
            gone = sorted(partitions)
            self.granted -= set(gone)
            self.stop(gone)
            self._listener.withdrawn(gone)
