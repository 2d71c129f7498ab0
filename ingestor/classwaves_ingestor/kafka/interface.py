"""The interface to Kafka: membership in a consumer group, messages and offsets."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from classwaves_ingestor.errors import FatalConsumerError

Headers = Sequence[tuple[str, bytes | None]]


class Message(Protocol):
    """One message of a topic, with the methods of `confluent_kafka.Message`.

    It has methods and no fields, so that no message is copied into another object.
    """

    def partition(self) -> int:
        """Partition number."""
        ...

    def offset(self) -> int:
        """Offset within the partition."""
        ...

    def leader_epoch(self) -> int | None:
        """Epoch of the leader that wrote it; None if the broker does not tell."""
        ...

    def key(self) -> bytes | None:
        """Key that chose the partition."""
        ...

    def value(self) -> bytes | None:
        """Value; None for a tombstone."""
        ...

    def headers(self) -> Headers | None:
        """Headers, or None without any. Read them with `read_headers`.

        Raises:
            SystemError: the name of a header is not UTF-8.
        """
        ...

    def set_headers(self, headers: Headers) -> None:
        """Replace the headers in memory."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """Timestamp type, and timestamp in Unix milliseconds."""
        ...


@dataclass(frozen=True, slots=True)
class PollResult:
    """The result of one poll.

    Args:
        messages: messages of all partitions; those of one partition are in ascending offset order.
        eof_offsets: by partition, the end that was reached. Every message below this offset has
            been delivered or never will be.
        offset_errors: by partition, the broker's error for a next offset that it does not have, or
            no longer has under the leader epoch with which it was read. One in `corrupt_batches`
            may be here too: a client may take its next offset from the damaged batch.
        corrupt_batches: by partition, the error of a batch that cannot be read. It lies at or after
            the next offset, and nothing after it is delivered.
    """

    messages: Sequence[Message] = ()
    eof_offsets: Mapping[int, int] = field(default_factory=dict)
    offset_errors: Mapping[int, str] = field(default_factory=dict)
    corrupt_batches: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FetchPosition:
    """Where to fetch from.

    Args:
        offset: the next offset.
        leader_epoch: of the message before it. The broker then refuses the offset if its log has
            lost that message and grown again. None to fetch in any case.
    """

    offset: int
    leader_epoch: int | None = None


def fatal_error(cause: str) -> FatalConsumerError:
    """The error of a consumer that can never poll again."""
    return FatalConsumerError(
        f"Kafka refuses this consumer for good: {cause}. If KAFKA_GROUP_INSTANCE_ID is set, give "
        "each process an id of its own. Start the process again to join the group."
    )


@dataclass(frozen=True, slots=True)
class Watermarks:
    """A partition's low watermark (first kept offset) and high watermark (next offset)."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Connection:
    """How a consumer's connections to the brokers do.

    Args:
        silent_seconds: since a broker last answered, or since the consumer was made.
        errors: failures since the consumer was made.
        last_error: a sentence on the latest failure; empty without one.
    """

    silent_seconds: float
    errors: int = 0
    last_error: str = ""


class RebalanceListener(Protocol):
    """Receives rebalances from within `GroupConsumer.poll`. No callback may block."""

    def on_assigned(self, partitions: Sequence[int]) -> None:
        """Add these partitions. Fetching starts with `GroupConsumer.start`.

        None are given to a member that the group has no partition for.
        """
        ...

    def on_revoked(self, partitions: Sequence[int]) -> None:
        """Remove these partitions: they move to another member."""
        ...

    def on_lost(self, partitions: Sequence[int]) -> None:
        """Remove these partitions: this member is not in the group until the next `on_assigned`."""
        ...


class GroupConsumer(Protocol):
    """One member of the consumer group of one topic."""

    def subscribe(self, listener: RebalanceListener) -> None:
        """Join the group. Later polls call the listener."""
        ...

    def poll(self, limit: int, timeout: float) -> PollResult:
        """Return up to `limit` messages, waiting at most `timeout` seconds for the first one.

        Rebalances run inside. Call it every few seconds, also when paused, to keep the membership.

        Raises:
            FatalConsumerError: this consumer can never poll again.
        """
        ...

    def start(self, positions: Mapping[int, FetchPosition]) -> None:
        """Fetch assigned partitions from these positions, also those that are fetched already."""
        ...

    def stop(self, partitions: Sequence[int]) -> None:
        """Stop fetching these partitions. They stay assigned."""
        ...

    def pause(self) -> None:
        """Deliver nothing until `resume`. Prefetched messages are discarded and fetched again."""
        ...

    def resume(self) -> None:
        """Deliver messages again."""
        ...

    def watermarks(self, partitions: Collection[int]) -> Mapping[int, Watermarks]:
        """The watermarks of these partitions, without those that have no leader now.

        The messages of an open transaction are below the high watermark and are not delivered yet.
        Sends a request to the broker. Safe from any thread.

        Raises:
            BrokerUnavailable: the broker did not answer in time.
        """
        ...

    def connection(self) -> Connection:
        """Whether brokers answer this consumer. Sends no request."""
        ...

    def end_offsets(self) -> Mapping[int, int]:
        """The last known high watermark of each fetched partition. Sends no request."""
        ...

    def topic_id(self) -> str:
        """The id of the topic that has this name now.

        Sends a request to the broker. Safe from any thread.

        Raises:
            TopicMissing: no topic has this name now.
            BrokerUnavailable: the broker did not answer in time.
        """
        ...

    def commit_offsets(self, positions: Mapping[int, int]) -> None:
        """Commit the group's offsets for lag tools. Never read; a failure is only logged."""
        ...

    def close(self) -> None:
        """Leave the group."""
        ...


class TimeSource(StrEnum):
    """Where the time of the brokers comes from."""

    CLOCK_TOPIC = "clock-topic"
    MESSAGES = "messages"
    UNKNOWN = "unknown"


class BrokerClock(Protocol):
    """The clock of a broker. For one thread."""

    def read(self) -> int:
        """The broker's time at a moment of this call, in Unix milliseconds.

        Raises:
            TopicMissing: the topic whose messages carry the time does not exist.
            BrokerRefused: the topic cannot be written, or its timestamps are the producers'.
            BrokerUnavailable: no broker answered in time.
        """
        ...
