"""What an operator is told: where something is missing or twice, by partition and offsets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from classwaves_ingestor.ledger.inspection import Inspection
from classwaves_ingestor.ledger.reading import PartitionReading
from classwaves_ingestor.ledger.spans import spans, text


class Kind(StrEnum):
    """What a finding means for the proof; a note means nothing for it."""

    MISSING = "missing"
    TWICE = "twice"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and what it is about.

    Args:
        kind: what it means for the proof.
        problem: the sentence, without the place.
        partition: the partition, or None for the table.
        offsets: ascending spans of offsets that it is about, or none.
    """

    kind: Kind
    problem: str
    partition: int | None = None
    offsets: tuple[range, ...] = ()

    @classmethod
    def of_repeats(cls, repeated: int, some: Sequence[tuple[str, str]]) -> Self:
        """The table holds rows beyond one for each identity."""
        named = ", ".join(f"{session_id}/{id_}" for session_id, id_ in some)
        return cls(
            Kind.TWICE,
            f"the table holds {repeated} rows beyond one for each session_id/id: {named}",
        )

    def __str__(self) -> str:
        place = "" if self.partition is None else f"partition {self.partition}"
        offsets = f" offsets {text(self.offsets)}" if self.offsets else ""
        return f"{self.kind}: {place}{offsets}{': ' if place else ''}{self.problem}"


def findings(
    partition: int, reading: PartitionReading, inspection: Inspection | None
) -> Iterator[Finding]:
    """What there is to say of a partition.

    Args:
        partition: its number.
        reading: what was read of it.
        inspection: the closer look at its offsets without a row, or None if none was needed.
    """
    yield from _of_log(partition, reading)
    if inspection is not None:
        yield from _missing(partition, reading, inspection)
        yield from _twice(partition, reading, inspection)


def _of_log(partition: int, reading: PartitionReading) -> Iterator[Finding]:
    position, log = reading.account.stop, reading.log
    if log.high < position:
        problem = f"the log ends at {log.high}, below position {position}: the brokers lost what is stored here"
        yield Finding(Kind.NOTE, problem, partition)
    if log.low > position:
        problem = "retention deleted these before they were read"
        yield Finding(Kind.MISSING, problem, partition, (range(position, log.low),))
    if reading.letters is None and reading.balance.dead_lettered:
        problem = (
            "the dead-letter topic no longer holds its beginning: its letters are taken as counted"
        )
        yield Finding(Kind.NOTE, problem, partition)


def _missing(
    partition: int, reading: PartitionReading, inspection: Inspection
) -> Iterator[Finding]:
    balance, log = reading.balance, reading.log
    unexplained = balance.missing - max(0, log.low - reading.account.stop)
    if unexplained <= 0:
        return
    if inspection.unstored:
        some = f"; {balance.erased} of them belong to erased persons" if balance.erased else ""
        yield _at(
            Kind.MISSING, f"valid events that are not stored{some}", partition, inspection.unstored
        )
    if inspection.unlettered and reading.letters is not None:
        yield _at(
            Kind.MISSING, "refused messages without a dead letter", partition, inspection.unlettered
        )
    named = len(inspection.unstored) - balance.erased + len(inspection.unlettered)
    if unexplained > named and log.low > reading.account.start:
        problem = f"what had no row below offset {log.low} has left the topic and cannot be named"
        yield Finding(Kind.MISSING, problem, partition)
    elif unexplained > named:
        problem = (
            f"{unexplained - named} messages are in no count, though each is stored or a dead letter: counted are "
            f"{balance.duplicates} duplicates, found {len(inspection.repeats)}"
        )
        yield Finding(Kind.MISSING, problem, partition)


def _twice(partition: int, reading: PartitionReading, inspection: Inspection) -> Iterator[Finding]:
    balance, repeats = reading.balance, reading.held.repeats
    if repeats:
        yield Finding(Kind.TWICE, f"{repeats} rows repeat the offset of another", partition)
    if balance.twice == repeats:
        return
    letters = (each for each in reading.letters or () if each >= reading.log.low)
    if both := sorted(set(letters).difference(inspection.lettered)):
        yield _at(Kind.TWICE, "stored, and a dead letter too", partition, both)
    yield Finding(
        Kind.TWICE,
        f"{balance.twice - repeats} more messages are counted than were read: {balance.duplicates} duplicates "
        f"against {len(inspection.repeats)} found; has another consumer group stored from this topic?",
        partition,
    )


def _at(kind: Kind, problem: str, partition: int, offsets: Sequence[int]) -> Finding:
    return Finding(kind, problem, partition, tuple(spans(offsets)))
