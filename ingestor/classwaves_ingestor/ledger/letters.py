"""The dead letters that are really in their topic, by where their messages lay."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeGuard

from confluent_kafka.admin import AdminClient

from classwaves_ingestor.broker.interface import Message
from classwaves_ingestor.dead_letters import headers as names
from classwaves_ingestor.errors import TopicMissing
from classwaves_ingestor.ledger.reader import Reader
from classwaves_ingestor.topics.description import describe_topic
from classwaves_ingestor.topics.watermarks import watermarks


@dataclass(frozen=True, slots=True)
class Letters:
    """The dead letters of one incarnation of a topic.

    Args:
        offsets: by partition of the source, the distinct offsets that have a letter.
        whole: whether the dead-letter topic still holds its beginning; if not, older letters have expired.
    """

    offsets: Mapping[int, frozenset[int]]
    whole: bool

    def between(self, partition: int, start: int, end: int) -> frozenset[int]:
        """The offsets of [start, end) that have a letter."""
        return frozenset(
            offset for offset in self.offsets.get(partition, ()) if start <= offset < end
        )


def read_letters(admin: AdminClient, reader: Reader, topic: str, source_id: str) -> Letters:
    """All letters of a source that its dead-letter topic holds now; none, if there is no such topic.

    Args:
        admin: of the cluster.
        reader: of the cluster.
        topic: the dead-letter topic.
        source_id: the topic id of the source; letters of others are passed over.

    Raises:
        BrokerUnavailable, BrokerRefused: the topic cannot be read.
    """
    try:
        partitions = describe_topic(admin, topic).partitions
    except TopicMissing:
        return Letters({}, whole=True)
    found: dict[int, set[int]] = defaultdict(set)
    logs = watermarks(admin, topic, partitions)
    for partition, log in logs.items():
        for place, offset in coordinates(
            reader.read(topic, partition, range(log.low, log.high)), source_id
        ):
            found[place].add(offset)
    whole = all(log.low == 0 for log in logs.values())
    return Letters({partition: frozenset(offsets) for partition, offsets in found.items()}, whole)


def coordinates(letters: Iterable[Message], source_id: str) -> Iterator[tuple[int, int]]:
    """Partition and offset that each letter of this source names. What is no letter of ours is passed over."""
    for letter in letters:
        told = dict(letter.headers() or ())
        partition, offset = told.get(names.PARTITION), told.get(names.OFFSET)
        if (
            told.get(names.TOPIC_ID) == source_id.encode()
            and _is_number(partition)
            and _is_number(offset)
        ):
            yield int(partition), int(offset)


def _is_number(value: bytes | None) -> TypeGuard[bytes]:
    return value is not None and value.isdigit()
