"""The proof: read snapshots until one is balanced or the fault is certain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from classwaves_ingestor.reconciliation.balance import Balance, total
from classwaves_ingestor.reconciliation.findings import Finding, Kind, findings
from classwaves_ingestor.reconciliation.inspection import Inspection, inspect
from classwaves_ingestor.reconciliation.offset_ranges import gaps, join
from classwaves_ingestor.reconciliation.snapshot import PartitionSnapshot, Snapshot, SnapshotReader
from classwaves_runtime.clock import Clock

_SNAPSHOTS = 3
# A new range costs a round trip, in which the broker sends about as many messages.
_JOIN_WITHIN = 5_000


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of the proof.

    Args:
        partitions: the balance of each partition.
        total: the balance of all partitions.
        findings: what is missing, twice, expired or stopped and where, and notes.
    """

    partitions: Mapping[int, Balance]
    total: Balance
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether no finding is more than a note."""
        return self.total.balanced and all(each.kind is Kind.NOTE for each in self.findings)


def verify(reader: SnapshotReader, clock: Clock, *, deep: bool = False) -> Verification:
    """Prove the balance while the consumers run.

    A fault must show in several snapshots: an erasure between two reads looks like one.

    Args:
        reader: reads topic, ledger and table.
        clock: Unix time.
        deep: read every message without a row again, also where the balance has no fault.

    Raises:
        TopicRecreated: the positions belong to another topic id.
        BrokerUnavailable, WarehouseUnavailable: a request failed.
    """
    snapshot = reader.read()
    for _ in range(_SNAPSHOTS - 1):
        if snapshot.balanced:
            break
        snapshot = reader.read()
    inspections = {
        partition: _inspect(reader, partition, each, clock)
        for partition, each in snapshot.partitions.items()
        if deep or not each.balance.balanced
    }
    balances = {
        partition: _corrected(each, inspections.get(partition))
        for partition, each in snapshot.partitions.items()
    }
    return Verification(
        balances,
        total(balances.values(), snapshot.repeated),
        tuple(_findings(snapshot, balances, inspections)),
    )


def _corrected(snapshot: PartitionSnapshot, inspection: Inspection | None) -> Balance:
    """The balance, with events that are wrongly counted as duplicates among the missing."""
    balance = snapshot.balance
    if inspection is None:
        return balance
    found = len(inspection.unstored) - balance.erased
    if snapshot.dead_letters is not None:
        found += len(inspection.without_dead_letter)
    wrong = max(0, found - balance.missing)
    return replace(balance, missing=balance.missing + wrong, duplicates=balance.duplicates - wrong)


def _findings(
    snapshot: Snapshot, balances: Mapping[int, Balance], inspections: Mapping[int, Inspection]
) -> Iterator[Finding]:
    for partition, each in snapshot.partitions.items():
        yield from findings(partition, each, balances[partition], inspections.get(partition))
    if snapshot.repeated:
        yield Finding.of_repeats(snapshot.repeated, snapshot.repeated_identities)


def _inspect(
    reader: SnapshotReader, partition: int, snapshot: PartitionSnapshot, clock: Clock
) -> Inspection:
    covered = snapshot.covered
    readable = range(max(covered.start, snapshot.log.low), min(covered.stop, snapshot.log.high))
    stored = reader.events.offsets(reader.stream, partition, readable.start, readable.stop)
    rows = frozenset(stored)
    messages = (
        message
        for offsets in join(gaps(stored, readable.start, readable.stop), _JOIN_WITHIN)
        for message in reader.reader.read(reader.topic.name, partition, offsets)
        if message.offset() not in rows
    )
    return inspect(messages, snapshot.dead_letters or frozenset(), reader.events.known, clock.now())
