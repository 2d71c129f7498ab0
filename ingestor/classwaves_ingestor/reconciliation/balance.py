"""The balance of a partition: a pure function of watermarks, checkpoint and rows.

sent = stored + duplicates + dead-lettered + erased + expired + Kafka's holes + in flight + missing

Numbers alone can hide two faults behind each other, so the sums of the offsets of all classes, and
of their squares, must agree too. One fault stays that no counter shows: an event that was called a
duplicate although it is not stored. Inspecting the messages (`ingestor verify --deep`) finds it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_warehouse.checkpoint import Checkpoint, StopReason
from classwaves_warehouse.interface import PartitionRows
from classwaves_warehouse.offset_sums import OffsetSums


@dataclass(frozen=True, slots=True)
class Balance:
    """The classes of a partition's messages, or of all partitions'.

    Args:
        sent: offsets from the first one read to the end of the log, and those that were read
            again after the log lost its tail.
        stored: offsets with a row.
        duplicates: not stored, because their identity was stored before.
        dead_lettered: present in the dead-letter topic; counted but absent ones are missing.
        erased: not stored, because their person was erased.
        expired: deleted by retention before they were read; Kafka's markers may be among them.
        kafka_holes: offsets without a readable message.
        in_flight: not read yet, or read and not stored yet.
        missing: messages in none of these classes.
        twice: rows beyond one per offset or identity, and messages counted more than once.
        unacknowledged: expired offsets that no operator has acknowledged.
    """

    sent: int
    stored: int
    duplicates: int
    dead_lettered: int
    erased: int
    expired: int
    kafka_holes: int
    in_flight: int
    missing: int
    twice: int
    unacknowledged: int

    @property
    def balanced(self) -> bool:
        """Whether nothing is missing and nothing is stored twice."""
        return self.missing == self.twice == 0


def start_and_position(checkpoint: Checkpoint | None, log: Watermarks) -> tuple[int, int]:
    """The first offset that was read, and the next offset to store."""
    return (checkpoint.first_offset, checkpoint.position) if checkpoint else (log.low, log.low)


def stop_reason(checkpoint: Checkpoint | None, log: Watermarks) -> StopReason | None:
    """Why a partition is stopped, as its owner recorded it or as its log shows; None if it is not.

    Args:
        checkpoint: its checkpoint, or None before the first commit.
        log: its watermarks, read after the checkpoint.
    """
    if checkpoint is None:
        return None
    if log.high < checkpoint.position:
        return StopReason.LOG_ENDS_BELOW_POSITION
    return checkpoint.stopped


def repeated_offsets(checkpoint: Checkpoint, rows: PartitionRows) -> int:
    """Rows beyond one for each offset; an offset of a lost tail may have one of each log."""
    return max(0, rows.rows.count - rows.distinct - checkpoint.superseded.count)


def lost_dead_letters(checkpoint: Checkpoint, found: frozenset[int]) -> int:
    """Counted dead letters that are not in the dead-letter topic.

    Args:
        checkpoint: of the partition.
        found: the covered offsets with a dead letter.
    """
    counted, superseded = checkpoint.dead_letters, checkpoint.superseded.count
    lost = max(0, counted.count - len(found) - superseded)
    if lost or superseded or counted.count != len(found):
        return lost
    summed = OffsetSums.of(offset for offset in found if offset >= checkpoint.summed_from)
    return 0 if replace(summed, count=counted.count) == counted else 1


def balance(
    checkpoint: Checkpoint | None, log: Watermarks, rows: PartitionRows, lost_dead_letters: int = 0
) -> Balance:
    """The balance of one partition.

    Args:
        checkpoint: its checkpoint, or None before the first commit.
        log: its watermarks, read after the checkpoint.
        rows: its rows, read after the checkpoint.
        lost_dead_letters: counted dead letters that are not in the dead-letter topic.
    """
    counts = checkpoint or Checkpoint(log.low, log.low, summed_from=log.low)
    position = counts.position
    # Brokers can lose their newest messages; then the log ends below the position.
    end = max(log.high, position)
    # Retention may have deleted messages that the consumer has yet to pass.
    unread = max(position, min(log.low, end))
    expired = counts.expired.count + unread - position
    repeats = repeated_offsets(counts, rows)
    difference = _difference(counts, rows)
    uncounted = difference.count + repeats
    missing, twice = max(uncounted, 0), max(-uncounted, 0)
    # Version 0.1 had no sums: below `summed_from` those of rows that were read again are unknown.
    comparable = counts.summed_from == counts.first_offset or not counts.superseded
    if comparable and difference and not (missing or twice or repeats):
        missing = twice = 1  # at least
    return Balance(
        sent=end - counts.first_offset + counts.superseded.count,
        stored=rows.rows.count - repeats,
        duplicates=counts.duplicates.count,
        dead_lettered=counts.dead_letters.count - lost_dead_letters,
        erased=counts.erased.count,
        expired=expired,
        kafka_holes=counts.holes.count,
        in_flight=end - unread,
        missing=missing + lost_dead_letters,
        twice=repeats + twice,
        unacknowledged=max(0, expired - counts.acknowledged),
    )


def _difference(counts: Checkpoint, rows: PartitionRows) -> OffsetSums:
    """The offsets that were covered, less those of all rows and counters."""
    covered = replace(
        OffsetSums.of_range(counts.summed_from, counts.position),
        count=counts.position - counts.first_offset,
    )
    return (
        covered
        + counts.superseded
        - rows.rows
        - counts.duplicates
        - counts.dead_letters
        - counts.erased
        - counts.expired
        - counts.holes
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
        expired=sum(one.expired for one in each),
        kafka_holes=sum(one.kafka_holes for one in each),
        in_flight=sum(one.in_flight for one in each),
        missing=sum(one.missing for one in each),
        twice=max(sum(one.twice for one in each), repeated),
        unacknowledged=sum(one.unacknowledged for one in each),
    )
