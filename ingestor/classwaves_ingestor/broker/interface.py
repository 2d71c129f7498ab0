"""What the consumer asks of a broker."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Headers = Sequence[tuple[str, bytes | None]]


class Message(Protocol):
    """One message of the topic, as confluent_kafka.Message has it: methods, because a million small objects cost."""

    def partition(self) -> int:
        """Where it lies."""
        ...

    def offset(self) -> int:
        """Its place in the partition."""
        ...

    def key(self) -> bytes | None:
        """What it was partitioned by."""
        ...

    def value(self) -> bytes | None:
        """Its bytes; None for a tombstone."""
        ...

    def headers(self) -> Headers | None:
        """Its headers, or None if it has none."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """The kind of its timestamp, and the timestamp in Unix milliseconds."""
        ...


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll brought.

    Args:
        messages: of one partition in ascending order of offset, partitions mixed.
        ends: by partition, the end that was reached: everything below this offset has been delivered or never will be.
        refused: partitions whose next offset the broker does not have, with its own words.
    """

    messages: Sequence[Message] = ()
    ends: Mapping[int, int] = field(default_factory=dict)
    refused: Mapping[int, str] = field(default_factory=dict)


class Listener(Protocol):
    """Who is told of a rebalance, inside `poll`. Neither call may wait for anything."""

    def granted(self, partitions: Sequence[int]) -> None:
        """These are ours now. Nothing is fetched of them until `Member.start` says from where."""
        ...

    def withdrawn(self, partitions: Sequence[int]) -> None:
        """These are not ours any more: revoked, or lost because the group gave us up."""
        ...


class Member(Protocol):
    """One member of the consumer group of one topic."""

    def subscribe(self, listener: Listener) -> None:
        """Join the group; the listener hears of grants from `poll`."""
        ...

    def poll(self, limit: int, timeout: float) -> Polled:
        """Up to `limit` messages, waiting up to `timeout` seconds for them; tells the listener of a rebalance.

        To be called at least every few seconds, paused or not: it keeps the membership.
        """
        ...

    def start(self, positions: Mapping[int, int]) -> None:
        """Fetch these granted partitions from these offsets on, whether or not they were being fetched already."""
        ...

    def stop(self, partitions: Sequence[int]) -> None:
        """Fetch no more of these partitions; they stay ours."""
        ...

    def pause(self) -> None:
        """Deliver nothing until `resume`. What was fetched already is thrown away and fetched again."""
        ...

    def resume(self) -> None:
        """Deliver again."""
        ...

    def watermarks(self, partition: int) -> tuple[int, int]:
        """The first offset that the broker still has, and the next one that it will give.

        Asks the broker; may be called from any thread.

        Raises:
            BrokerUnavailable: it did not answer in time.
        """
        ...

    def ends(self) -> Mapping[int, int]:
        """The end of each partition that is fetched, as the broker told it last. Asks nothing."""
        ...

    def topic_id(self) -> str:
        """The id of the topic's present incarnation. Asks the broker; may be called from any thread.

        Raises:
            TopicMissing: there is no such topic now.
            BrokerUnavailable: it did not answer in time.
        """
        ...

    def record(self, positions: Mapping[int, int]) -> None:
        """Tell the broker how far the group is, for tools that show lag. Never read back; a failure is only logged."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...
