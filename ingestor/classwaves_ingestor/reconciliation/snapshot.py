"""A consistent snapshot of topic, ledger and table while the consumers run.

Checkpoints are read first. Later reads contain every message that the checkpoints count: rows and
checkpoint are one commit, dead letters are written before it, and the log only grows. Rows and dead
letters beyond the checkpoints are excluded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient

from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_ingestor.kafka.range_reader import RangeReader
from classwaves_ingestor.kafka.topics import describe_topic, watermarks
from classwaves_ingestor.reconciliation.balance import (
    Balance,
    balance,
    lost_dead_letters,
    repeated_offsets,
    start_and_position,
)
from classwaves_ingestor.reconciliation.dead_letter_offsets import (
    DeadLetterOffsets,
    read_dead_letter_offsets,
)
from classwaves_ingestor.settings import StreamSettings
from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.interface import Events, Ledger, PartitionRows, Stream, Warehouse

_NAMED = 20


@dataclass(frozen=True, slots=True)
class PartitionSnapshot:
    """One partition in topic, ledger, table and dead-letter topic.

    Args:
        checkpoint: its checkpoint, or None before the first commit.
        log: its watermarks.
        rows: its rows.
        dead_letters: covered offsets with a dead letter, or None if retention deleted some.
    """

    checkpoint: Checkpoint | None
    log: Watermarks
    rows: PartitionRows
    dead_letters: frozenset[int] | None

    @property
    def covered(self) -> range:
        """The offsets from the first one read to the position."""
        return range(*start_and_position(self.checkpoint, self.log))

    @property
    def repeats(self) -> int:
        """Rows beyond one for each offset."""
        return repeated_offsets(self.checkpoint, self.rows) if self.checkpoint else 0

    @property
    def balance(self) -> Balance:
        """The partition's balance."""
        checkpoint, found = self.checkpoint, self.dead_letters
        lost = 0 if checkpoint is None or found is None else lost_dead_letters(checkpoint, found)
        return balance(checkpoint, self.log, self.rows, lost)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All partitions at one time.

    Args:
        partitions: every partition of the topic.
        repeated: rows of the table beyond one per identity.
        repeated_identities: a sample of these (session_id, id).
    """

    partitions: Mapping[int, PartitionSnapshot]
    repeated: int
    repeated_identities: Sequence[tuple[str, str]]

    @property
    def balanced(self) -> bool:
        """Whether nothing is missing and nothing is stored twice."""
        return self.repeated == 0 and all(
            each.balance.balanced for each in self.partitions.values()
        )


class SnapshotReader:
    """Reads snapshots of one consumer group's topic.

    Args:
        settings: topics, tables and consumer group.
        warehouse: the tables.

    Raises:
        TopicMissing, BrokerUnavailable, BrokerRefused, TableMissing, TableMismatch: topic or table
            cannot be read.
    """

    def __init__(self, settings: StreamSettings, warehouse: Warehouse) -> None:
        self.admin: AdminClient = connect(settings.kafka)
        self.topic = describe_topic(self.admin, settings.session_events_topic)
        self.stream = Stream(settings.ingestor_group, self.topic.name, self.topic.topic_id)
        self.ledger: Ledger = warehouse.ledger(self.stream)
        self.events: Events = warehouse.events
        self.reader = RangeReader(settings.kafka)
        self._dead_letter_topic = settings.dead_letter_topic

    def read(self) -> Snapshot:
        """Read a snapshot.

        Raises:
            TopicRecreated: the positions belong to another topic id.
            BrokerUnavailable, WarehouseUnavailable: a request failed.
        """
        checkpoints = self.ledger.checkpoints()
        logs = watermarks(
            self.admin, self.topic.name, sorted({*self.topic.partitions, *checkpoints})
        )
        rows = self.events.partition_rows(self.stream, checkpoints)
        dead_letters = read_dead_letter_offsets(
            self.admin, self.reader, self._dead_letter_topic, self.stream.topic_id
        )
        partitions = {
            partition: PartitionSnapshot(
                checkpoint=checkpoints.get(partition),
                log=log,
                rows=rows.get(partition, PartitionRows()),
                dead_letters=_covered(dead_letters, partition, checkpoints.get(partition)),
            )
            for partition, log in logs.items()
        }
        return Snapshot(partitions, *self.events.repeated(_NAMED))

    def close(self) -> None:
        """Close the connections."""
        self.reader.close()


def _covered(
    dead_letters: DeadLetterOffsets, partition: int, checkpoint: Checkpoint | None
) -> frozenset[int] | None:
    if not dead_letters.complete:
        return None
    covered = checkpoint.covered if checkpoint else range(0)
    return dead_letters.between(partition, covered.start, covered.stop)
