"""The equation of the ledger, pure.

sent = stored + duplicates + dead-lettered + erased + Kafka's holes + in flight + missing
"""

from collections.abc import Iterable
from dataclasses import dataclass

from classwaves_ingestor.topics.watermarks import Watermarks
from classwaves_warehouse.checkpoint import Checkpoint


@dataclass(frozen=True, slots=True)
class Held:
    """What the table holds of a partition.

    Args:
        stored: distinct offsets among the rows, from the partition's start up to its position.
        repeats: rows beyond one for each offset.
    """

    stored: int = 0
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """What became of the messages of a partition, or of all.

    Args:
        sent: offsets from where reading began to the end of the log.
        stored: of these, distinct offsets that have a row.
        duplicates: left out because their identity was stored before.
        dead_lettered: in the dead-letter topic; those that were counted but are not there are missing.
        erased: left out because their person has been erased.
        kafka_holes: offsets that never held a message for us.
        in_flight: not read yet, or read and not stored yet.
        missing: what the equation lacks.
        twice: rows beyond one for each offset or identity, and messages that were accounted for more than once.
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
    def sound(self) -> bool:
        """Whether nothing is missing and nothing is there twice."""
        return self.missing == self.twice == 0


def start_and_position(checkpoint: Checkpoint | None, log: Watermarks) -> tuple[int, int]:
    """Where a partition's account begins, and the next offset to store."""
    return (checkpoint.first_offset, checkpoint.position) if checkpoint else (log.low, log.low)


def balance(
    checkpoint: Checkpoint | None, log: Watermarks, held: Held, lost_letters: int = 0
) -> Balance:
    """The balance of one partition.

    Args:
        checkpoint: its place in the ledger, or None if nothing of it was ever committed.
        log: its watermarks, read after the checkpoint.
        held: its rows, read after the checkpoint.
        lost_letters: dead letters that were counted and are not in their topic.
    """
    start, position = start_and_position(checkpoint, log)
    # A log may end below the position when its brokers lost their newest messages; ours are stored all the same.
    end = max(log.high, position)
    # What retention deleted before it was read is lost, until somebody decides to go on behind it.
    unread = max(position, min(log.low, end))
    account = checkpoint or Checkpoint(position, start)
    letters = sum(account.dead_lettered.values())
    known = held.stored + account.duplicates + letters + account.erased + account.holes
    lacking = position - start - known
    return Balance(
        sent=end - start,
        stored=held.stored,
        duplicates=account.duplicates,
        dead_lettered=letters - lost_letters,
        erased=account.erased,
        kafka_holes=account.holes,
        in_flight=end - unread,
        missing=max(lacking, 0) + unread - position + lost_letters,
        twice=held.repeats + max(-lacking, 0),
    )


def total(balances: Iterable[Balance], repeated: int) -> Balance:
    """The balance of all partitions.

    Args:
        balances: one for each partition.
        repeated: rows of the table beyond one for each identity. A row that repeats an offset mostly repeats an
            identity too, so that the larger of both counts is what is there twice.
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
