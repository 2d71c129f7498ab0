"""The offsets of messages that have a dead letter in the dead-letter topic."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from confluent_kafka.admin import AdminClient

from classwaves_ingestor.dead_letters import headers as names
from classwaves_ingestor.errors import TopicMissing
from classwaves_ingestor.kafka.headers import read_headers
from classwaves_ingestor.kafka.interface import Message
from classwaves_ingestor.kafka.range_reader import RangeReader
from classwaves_ingestor.kafka.topics import describe_topic, watermarks

_DIGITS = 19
"""Of the largest offset. Python refuses to convert thousands of digits."""


@dataclass(frozen=True, slots=True)
class DeadLetterOffsets:
    """The dead letters of one topic id.

    Args:
        offsets: by source partition, the distinct offsets with a dead letter.
        complete: whether the dead-letter topic still has its beginning. If not, retention has
            deleted older dead letters.
    """

    offsets: Mapping[int, frozenset[int]]
    complete: bool

    def between(self, partition: int, start: int, end: int) -> frozenset[int]:
        """The offsets of [start, end) with a dead letter."""
        return frozenset(
            offset for offset in self.offsets.get(partition, ()) if start <= offset < end
        )


def read_dead_letter_offsets(
    admin: AdminClient, reader: RangeReader, topic: str, source_id: str
) -> DeadLetterOffsets:
    """All dead letters of a source in the dead-letter topic; none if that topic does not exist.

    Args:
        admin: admin client.
        reader: reads the dead-letter topic.
        topic: name of the dead-letter topic.
        source_id: topic id of the source; dead letters of other topics are ignored.

    Raises:
        BrokerUnavailable, BrokerRefused: the topic cannot be read.
    """
    try:
        partitions = describe_topic(admin, topic).partitions
    except TopicMissing:
        return DeadLetterOffsets({}, complete=True)
    found: dict[int, set[int]] = defaultdict(set)
    logs = watermarks(admin, topic, partitions)
    for partition, log in logs.items():
        for source_partition, offset in coordinates(
            reader.read(topic, partition, range(log.low, log.high)), source_id
        ):
            found[source_partition].add(offset)
    complete = all(log.low == 0 for log in logs.values())
    return DeadLetterOffsets(
        {partition: frozenset(offsets) for partition, offsets in found.items()}, complete
    )


def coordinates(dead_letters: Iterable[Message], source_id: str) -> Iterator[tuple[int, int]]:
    """Source partition and offset of each dead letter of this source. Ignores others."""
    for each in dead_letters:
        headers = dict(read_headers(each) or ())
        partition, offset = headers.get(names.PARTITION), headers.get(names.OFFSET)
        if (
            headers.get(names.TOPIC_ID) == source_id.encode()
            and _is_number(partition)
            and _is_number(offset)
        ):
            yield int(partition), int(offset)


def _is_number(value: bytes | None) -> TypeGuard[bytes]:
    return value is not None and value.isdigit() and len(value) <= _DIGITS
