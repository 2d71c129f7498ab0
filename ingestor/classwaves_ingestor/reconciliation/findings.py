"""Findings for an operator: what is missing or twice, by partition and offsets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from classwaves_ingestor.reconciliation.balance import Balance, stop_reason
from classwaves_ingestor.reconciliation.inspection import Inspection
from classwaves_ingestor.reconciliation.offset_ranges import format_ranges, to_ranges
from classwaves_ingestor.reconciliation.snapshot import PartitionSnapshot
from classwaves_ingestor.stop_reasons import explain_stop


class Kind(StrEnum):
    """The effect of a finding on the proof; a note has none."""

    MISSING = "missing"
    TWICE = "twice"
    EXPIRED = "expired"
    STOPPED = "stopped"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and its partition and offsets.

    Args:
        kind: its effect on the proof.
        problem: the sentence, without the coordinates.
        partition: the partition, or None for the table.
        offsets: ascending ranges of the affected offsets.
    """

    kind: Kind
    problem: str
    partition: int | None = None
    offsets: tuple[range, ...] = ()

    @classmethod
    def of_repeats(cls, repeated: int, some: Sequence[tuple[str, str]]) -> Self:
        """The finding for rows beyond one per identity."""
        named = ", ".join(f"{session_id}/{id_}" for session_id, id_ in some)
        return cls(
            Kind.TWICE,
            f"the table has {repeated} rows beyond one per session_id/id: {named}",
        )

    def __str__(self) -> str:
        partition = "" if self.partition is None else f"partition {self.partition}"
        offsets = f" offsets {format_ranges(self.offsets)}" if self.offsets else ""
        return f"{self.kind}: {partition}{offsets}{': ' if partition else ''}{self.problem}"


def findings(
    partition: int, snapshot: PartitionSnapshot, balance: Balance, inspection: Inspection | None
) -> Iterator[Finding]:
    """The findings of one partition.

    Args:
        partition: its number.
        snapshot: its state.
        balance: its balance.
        inspection: its messages without a row, or None if they were not inspected.
    """
    yield from _log_findings(partition, snapshot, balance)
    if inspection is not None and not balance.balanced:
        yield from _missing(partition, snapshot, balance, inspection)
        yield from _twice(partition, snapshot, balance, inspection)


def _log_findings(
    partition: int, snapshot: PartitionSnapshot, balance: Balance
) -> Iterator[Finding]:
    position, log = snapshot.covered.stop, snapshot.log
    reason = stop_reason(snapshot.checkpoint, log)
    if reason is not None:
        yield Finding(Kind.STOPPED, explain_stop(reason, position, log.high), partition)
    if balance.unacknowledged:
        problem = (
            f"retention deleted {balance.unacknowledged} offsets before they were read; "
            "`ingestor partitions acknowledge` records that you know of them"
        )
        unread = (range(position, log.low),) if log.low > position else ()
        yield Finding(Kind.EXPIRED, problem, partition, unread)
    if snapshot.dead_letters is None and balance.dead_lettered:
        problem = "retention has deleted dead letters: the counters are trusted"
        yield Finding(Kind.NOTE, problem, partition)


def _missing(
    partition: int, snapshot: PartitionSnapshot, balance: Balance, inspection: Inspection
) -> Iterator[Finding]:
    log, unexplained = snapshot.log, balance.missing
    if not unexplained:
        return
    if inspection.unstored:
        some = f"; {balance.erased} of them belong to erased persons" if balance.erased else ""
        yield _at(
            Kind.MISSING, f"valid events that are not stored{some}", partition, inspection.unstored
        )
    if inspection.without_dead_letter and snapshot.dead_letters is not None:
        yield _at(
            Kind.MISSING,
            "refused messages without a dead letter",
            partition,
            inspection.without_dead_letter,
        )
    named = len(inspection.unstored) - balance.erased + len(inspection.without_dead_letter)
    if unexplained > named and log.low > snapshot.covered.start:
        problem = f"retention deleted the messages below offset {log.low}; they cannot be listed"
        yield Finding(Kind.MISSING, problem, partition)
    elif unexplained > named:
        problem = (
            f"{unexplained - named} messages are in no counter, though each is stored or has a "
            f"dead letter: {balance.duplicates} duplicates counted, {len(inspection.repeats)} found"
        )
        yield Finding(Kind.MISSING, problem, partition)


def _twice(
    partition: int, snapshot: PartitionSnapshot, balance: Balance, inspection: Inspection
) -> Iterator[Finding]:
    repeats = snapshot.repeats
    if repeats:
        yield Finding(Kind.TWICE, f"{repeats} rows repeat the offset of another row", partition)
    if balance.twice == repeats:
        return
    dead_letters = (each for each in snapshot.dead_letters or () if each >= snapshot.log.low)
    if both := sorted(set(dead_letters).difference(inspection.dead_lettered)):
        yield _at(Kind.TWICE, "stored, with a dead letter as well", partition, both)
    yield Finding(
        Kind.TWICE,
        f"{balance.twice - repeats} messages are counted more than once: {balance.duplicates} "
        f"duplicates counted, {len(inspection.repeats)} found. Has another consumer group stored "
        "this topic?",
        partition,
    )


def _at(kind: Kind, problem: str, partition: int, offsets: Sequence[int]) -> Finding:
    return Finding(kind, problem, partition, tuple(to_ranges(offsets)))
