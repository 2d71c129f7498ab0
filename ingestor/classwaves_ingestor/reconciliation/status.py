"""Positions and lag of a consumer group, and the size of the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from confluent_kafka.admin import AdminClient

from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.broker_clock import find_clock_problem
from classwaves_ingestor.kafka.interface import TimeSource
from classwaves_ingestor.kafka.topics import (
    APPEND_TIME,
    describe_topic,
    last_stable_offsets,
    watermarks,
)
from classwaves_ingestor.reconciliation.balance import start_and_position, stop_reason
from classwaves_ingestor.settings import StreamSettings
from classwaves_ingestor.stop_reasons import explain_stop
from classwaves_warehouse.interface import Stream, TableSize, Warehouse


@dataclass(frozen=True, slots=True)
class PartitionStatus:
    """Position and lag of one partition.

    Args:
        position: the next offset to store.
        end: the high watermark.
        stopped: why it is stopped and what to do, or None while it can be read.
        expired: offsets that retention deleted before they were read.
        ingested_through: broker time up to which the partition is stored, or None if unknown.
        open_transaction: first offset of an open transaction. Neither it nor a later message is
            delivered, and the partition's hours stay open, until the transaction ends.
    """

    position: int
    end: int
    ingested_through: datetime | None
    open_transaction: int | None = None
    stopped: str | None = None
    expired: int = 0

    @property
    def lag(self) -> int:
        """Offsets that are not stored yet."""
        return max(0, self.end - self.position)


@dataclass(frozen=True, slots=True)
class BrokerTimeStatus:
    """Where consumers with these settings take the time of the brokers from.

    Args:
        source: of the time; with an unknown one no hour becomes complete.
        problem: why it is not the clock topic; None if it is.
    """

    source: TimeSource
    problem: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """Positions of a consumer group.

    Args:
        stream: consumer group, topic and topic id.
        partitions: every partition of the topic.
        table: session_events.
        broker_time: the measure of `ingested_through`.
    """

    stream: Stream
    partitions: Mapping[int, PartitionStatus]
    table: TableSize
    broker_time: BrokerTimeStatus

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
    logs = watermarks(admin, topic.name, sorted({*topic.partitions, *checkpoints}))
    stable = last_stable_offsets(admin, topic.name, list(logs))
    for partition, log in logs.items():
        checkpoint = checkpoints.get(partition)
        until = checkpoint.ingested_through_ms if checkpoint else None
        position = start_and_position(checkpoint, log)[1]
        reason = stop_reason(checkpoint, log)
        partitions[partition] = PartitionStatus(
            position=position,
            end=log.high,
            ingested_through=None if until is None else datetime.fromtimestamp(until / 1000, UTC),
            open_transaction=stable[partition] if stable[partition] < log.high else None,
            stopped=None if reason is None else explain_stop(reason, position, log.high),
            expired=checkpoint.expired.count if checkpoint else 0,
        )
    return Status(
        stream,
        partitions,
        warehouse.events.size(),
        _broker_time(admin, settings.clock_topic, topic.timestamp_type),
    )


def _broker_time(admin: AdminClient, clock_topic: str, timestamp_type: str) -> BrokerTimeStatus:
    problem = find_clock_problem(admin, clock_topic)
    if problem is None:
        return BrokerTimeStatus(TimeSource.CLOCK_TOPIC, None)
    has_append_times = timestamp_type == APPEND_TIME
    return BrokerTimeStatus(
        TimeSource.MESSAGES if has_append_times else TimeSource.UNKNOWN, problem
    )
