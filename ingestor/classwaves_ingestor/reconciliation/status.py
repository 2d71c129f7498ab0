"""Positions and lag of a consumer group, and the size of the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.topics import describe_topic, watermarks
from classwaves_ingestor.reconciliation.balance import start_and_position
from classwaves_ingestor.settings import StreamSettings
from classwaves_warehouse.interface import Stream, TableSize, Warehouse


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """Position and lag of one partition.

    Args:
        position: the next offset to store.
        end: the high watermark.
        ingested_through: broker time up to which the partition is stored, or None if unknown.
    """

    position: int
    end: int
    ingested_through: datetime | None

    @property
    def lag(self) -> int:
        """Offsets that are not stored yet."""
        return max(0, self.end - self.position)


@dataclass(frozen=True, slots=True)
class Status:
    """Positions of a consumer group.

    Args:
        stream: consumer group, topic and topic id.
        partitions: every partition of the topic.
        table: session_events.
    """

    stream: Stream
    partitions: Mapping[int, PartitionStatus]
    table: TableSize

    @property
    def ingested_through(self) -> datetime | None:
        """Broker time up to which every partition is stored, or None if that of one is unknown."""
        known = [each.ingested_through for each in self.partitions.values()]
        return min((each for each in known if each), default=None) if all(known) else None


def status(settings: StreamSettings, warehouse: Warehouse) -> Status:
    """Read the group's positions.

    Raises:
        TopicMissing, BrokerUnavailable, BrokerRefused: the topic cannot be read.
        TableMissing, TableMismatch, TopicRecreated, WarehouseUnavailable: the table cannot.
    """
    admin = connect(settings.kafka)
    topic = describe_topic(admin, settings.session_events_topic)
    stream = Stream(settings.ingestor_group, topic.name, topic.topic_id)
    checkpoints = warehouse.ledger(stream).checkpoints()
    partitions = {}
    for partition, log in watermarks(
        admin, topic.name, sorted({*topic.partitions, *checkpoints})
    ).items():
        checkpoint = checkpoints.get(partition)
        until = checkpoint.ingested_through_ms if checkpoint else None
        partitions[partition] = PartitionStatus(
            position=start_and_position(checkpoint, log)[1],
            end=log.high,
            ingested_through=None if until is None else datetime.fromtimestamp(until / 1000, UTC),
        )
    return Status(stream, partitions, warehouse.events.size())
