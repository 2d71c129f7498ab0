"""The balance of a partition: a pure function of watermarks, checkpoint and rows.

sent = stored + duplicates + dead-lettered + erased + Kafka's holes + in flight + missing
"""

from collections.abc import Iterable
from dataclasses import dataclass

from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_warehouse.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class StoredOffsets:
    """The rows of a partition in the table.

    Args:
        stored: distinct offsets of the rows, from the first offset to the position.
        repeats: rows beyond one per offset.
    """

    stored: int = 0
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """The classes of a partition's messages, or of all partitions'.

    Args:
        sent: offsets from the first one read to the end of the log.
        stored: distinct offsets with a row.
        duplicates: not stored, because their identity was stored before.
        dead_lettered: present in the dead-letter topic; counted but absent ones are missing.
        erased: not stored, because their person was erased.
        kafka_holes: offsets without a readable message.
        in_flight: not read yet, or read and not stored yet.
        missing: messages in none of these classes.
        twice: rows beyond one per offset or identity, and messages counted more than once.
    """

    sent: int
    stored: int
    duplicates: int
    dead_lettered: int
    erased: int
    kafka_holes: int
    in_flight: int
    missing: int
    twice: int

    @property
    def balanced(self) -> bool:
        """Whether nothing is missing and nothing is stored twice."""
        return self.missing == self.twice == 0


def start_and_position(checkpoint: Checkpoint | None, log: Watermarks) -> tuple[int, int]:
    """The first offset that was read, and the next offset to store."""
    return (checkpoint.first_offset, checkpoint.position) if checkpoint else (log.low, log.low)


def balance(
    checkpoint: Checkpoint | None, log: Watermarks, rows: StoredOffsets, lost_dead_letters: int = 0
) -> Balance:
    """The balance of one partition.

    Args:
        checkpoint: its checkpoint, or None before the first commit.
        log: its watermarks, read after the checkpoint.
        rows: its rows, read after the checkpoint.
        lost_dead_letters: counted dead letters that are not in the dead-letter topic.
    """
    start, position = start_and_position(checkpoint, log)
    # Brokers can lose their newest messages; then the log ends below the position.
    end = max(log.high, position)
    # Messages that retention deleted unread are missing until the consumer has passed them.
    unread = max(position, min(log.low, end))
    counts = checkpoint or Checkpoint(position, start)
    dead_letters = sum(counts.dead_lettered.values())
    counted = rows.stored + counts.duplicates + dead_letters + counts.erased + counts.holes
    uncounted = position - start - counted
    return Balance(
        sent=end - start,
        stored=rows.stored,
        duplicates=counts.duplicates,
        dead_lettered=dead_letters - lost_dead_letters,
        erased=counts.erased,
        kafka_holes=counts.holes,
        in_flight=end - unread,
        missing=max(uncounted, 0) + unread - position + lost_dead_letters,
        twice=rows.repeats + max(-uncounted, 0),
    )


def total(balances: Iterable[Balance], repeated: int) -> Balance:
    """The balance of all partitions.

    Args:
        balances: one per partition.
        repeated: rows of the table beyond one per identity. A row that repeats an offset usually
            repeats an identity too, so the larger of both counts is the result.
    """
    each = list(balances)
    return Balance(
        sent=sum(one.sent for one in each),
        stored=sum(one.stored for one in each),
        duplicates=sum(one.duplicates for one in each),
        dead_lettered=sum(one.dead_lettered for one in each),
        erased=sum(one.erased for one in each),
        kafka_holes=sum(one.kafka_holes for one in each),
        in_flight=sum(one.in_flight for one in each),
        missing=sum(one.missing for one in each),
        twice=max(sum(one.twice for one in each), repeated),
    )
