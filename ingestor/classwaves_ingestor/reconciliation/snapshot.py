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
    StoredOffsets,
    balance,
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
_NO_ROWS = PartitionRows(rows=0, offsets=0, lowest=0, highest=-1)


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
    rows: StoredOffsets
    dead_letters: frozenset[int] | None

    @property
    def covered(self) -> range:
        """The offsets from the first one read to the position."""
        return range(*start_and_position(self.checkpoint, self.log))

    @property
    def lost_dead_letters(self) -> int:
        """Counted dead letters that are not in the dead-letter topic."""
        counted = sum(self.checkpoint.dead_lettered.values()) if self.checkpoint else 0
        return 0 if self.dead_letters is None else max(0, counted - len(self.dead_letters))

    @property
    def balance(self) -> Balance:
        """The partition's balance."""
        return balance(self.checkpoint, self.log, self.rows, self.lost_dead_letters)


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
        rows = self.events.partition_rows(self.stream)
        dead_letters = read_dead_letter_offsets(
            self.admin, self.reader, self._dead_letter_topic, self.stream.topic_id
        )
        partitions = {
            partition: self._partition(
                partition,
                checkpoints.get(partition),
                log,
                rows.get(partition, _NO_ROWS),
                dead_letters,
            )
            for partition, log in logs.items()
        }
        return Snapshot(partitions, *self.events.repeated(_NAMED))

    def close(self) -> None:
        """Close the connections."""
        self.reader.close()

    def _partition(
        self,
        partition: int,
        checkpoint: Checkpoint | None,
        log: Watermarks,
        rows: PartitionRows,
        dead_letters: DeadLetterOffsets,
    ) -> PartitionSnapshot:
        start, position = start_and_position(checkpoint, log)
        excluded = self._stored(partition, rows.lowest, min(start, rows.highest + 1))
        excluded += self._stored(partition, max(position, rows.lowest), rows.highest + 1)
        return PartitionSnapshot(
            checkpoint=checkpoint,
            log=log,
            rows=StoredOffsets(stored=rows.offsets - excluded, repeats=rows.rows - rows.offsets),
            dead_letters=dead_letters.between(partition, start, position)
            if dead_letters.complete
            else None,
        )

    def _stored(self, partition: int, start: int, end: int) -> int:
        return len(self.events.offsets(self.stream, partition, start, end)) if start < end else 0
