"""One look at topic, ledger and table, taken in an order in which progress meanwhile does no harm.

Checkpoints come first. What is read after them holds everything that they account for: rows and checkpoint move in
one commit, dead letters are written before it, the log only grows. What it holds beyond them is left out again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from confluent_kafka.admin import AdminClient

from classwaves_ingestor.ledger.balance import Balance, Held, balance, start_and_position
from classwaves_ingestor.ledger.letters import Letters, read_letters
from classwaves_ingestor.ledger.reader import Reader
from classwaves_ingestor.settings import LedgerSettings
from classwaves_ingestor.topics.admin import connect
from classwaves_ingestor.topics.description import describe_topic
from classwaves_ingestor.topics.watermarks import Watermarks, watermarks
from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.interface import Events, Ledger, PartitionRows, Warehouse
from classwaves_warehouse.stream import Stream

_NAMED = 20
_NO_ROWS = PartitionRows(rows=0, offsets=0, lowest=0, highest=-1)


@dataclass(frozen=True, slots=True)
class PartitionReading:
    """What topic, ledger, table and dead letters say of one partition.

    Args:
        checkpoint: its place in the ledger, or None if nothing of it was ever committed.
        log: its watermarks.
        held: its rows.
        letters: the offsets between start and position that have a dead letter, or None if that cannot be told.
    """

    checkpoint: Checkpoint | None
    log: Watermarks
    held: Held
    letters: frozenset[int] | None

    @property
    def account(self) -> range:
        """From where reading began to the position."""
        return range(*start_and_position(self.checkpoint, self.log))

    @property
    def lost_letters(self) -> int:
        """Dead letters that were counted and are not in their topic."""
        counted = sum(self.checkpoint.dead_lettered.values()) if self.checkpoint else 0
        return 0 if self.letters is None else max(0, counted - len(self.letters))

    @property
    def balance(self) -> Balance:
        """The partition's balance."""
        return balance(self.checkpoint, self.log, self.held, self.lost_letters)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read in one look.

    Args:
        partitions: every partition of the topic.
        repeated: rows of the table beyond one for each identity.
        repeated_identities: some of those (session_id, id).
    """

    partitions: Mapping[int, PartitionReading]
    repeated: int
    repeated_identities: Sequence[tuple[str, str]]

    @property
    def sound(self) -> bool:
        """Whether nothing is missing and nothing is there twice."""
        return self.repeated == 0 and all(each.balance.sound for each in self.partitions.values())


class Books:
    """Everything that has to be read for the proof, of one consumer group's topic.

    Args:
        settings: where topics and tables are.
        warehouse: the tables.

    Raises:
        TopicMissing, BrokerUnavailable, BrokerRefused, TableMissing, TableMismatch: there is nothing to read.
    """

    def __init__(self, settings: LedgerSettings, warehouse: Warehouse) -> None:
        self.admin: AdminClient = connect(settings.kafka)
        self.topic = describe_topic(self.admin, settings.session_events_topic)
        self.stream = Stream(settings.ingestor_group, self.topic.name, self.topic.topic_id)
        self.ledger: Ledger = warehouse.ledger(self.stream)
        self.events: Events = warehouse.events
        self.reader = Reader(settings.kafka)
        self._letter_topic = settings.dead_letter_topic

    def read(self) -> Reading:
        """Look once.

        Raises:
            TopicRecreated: the positions were made for another incarnation of the topic.
            BrokerUnavailable, WarehouseUnavailable: something did not answer.
        """
        checkpoints = self.ledger.checkpoints()
        logs = watermarks(
            self.admin, self.topic.name, sorted({*self.topic.partitions, *checkpoints})
        )
        rows = self.events.partition_rows(self.stream)
        letters = read_letters(self.admin, self.reader, self._letter_topic, self.stream.topic_id)
        partitions = {
            partition: self._partition(
                partition, checkpoints.get(partition), log, rows.get(partition, _NO_ROWS), letters
            )
            for partition, log in logs.items()
        }
        return Reading(partitions, *self.events.repeated(_NAMED))

    def close(self) -> None:
        """Leave the broker."""
        self.reader.close()

    def _partition(
        self,
        partition: int,
        checkpoint: Checkpoint | None,
        log: Watermarks,
        rows: PartitionRows,
        letters: Letters,
    ) -> PartitionReading:
        start, position = start_and_position(checkpoint, log)
        beyond = self._stored(partition, rows.lowest, min(start, rows.highest + 1))
        beyond += self._stored(partition, max(position, rows.lowest), rows.highest + 1)
        return PartitionReading(
            checkpoint=checkpoint,
            log=log,
            held=Held(stored=rows.offsets - beyond, repeats=rows.rows - rows.offsets),
            letters=letters.between(partition, start, position) if letters.whole else None,
        )

    def _stored(self, partition: int, start: int, end: int) -> int:
        return len(self.events.offsets(self.stream, partition, start, end)) if start < end else 0
