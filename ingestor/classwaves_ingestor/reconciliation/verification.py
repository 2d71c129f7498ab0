"""The proof: read snapshots until one is balanced or the fault is certain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from classwaves_ingestor.reconciliation.balance import Balance, total
from classwaves_ingestor.reconciliation.findings import Finding, findings
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
        findings: what is missing or twice and where, and notes for an operator.
    """

    partitions: Mapping[int, Balance]
    total: Balance
    findings: tuple[Finding, ...]


def verify(reader: SnapshotReader, clock: Clock) -> Verification:
    """Prove the balance while the consumers run.

    A fault must show in several snapshots: an erasure between two reads looks like one.

    Raises:
        TopicRecreated: the positions belong to another topic id.
        BrokerUnavailable, WarehouseUnavailable: a request failed.
    """
    snapshot = reader.read()
    for _ in range(_SNAPSHOTS - 1):
        if snapshot.balanced:
            break
        snapshot = reader.read()
    balances = {partition: each.balance for partition, each in snapshot.partitions.items()}
    return Verification(
        balances,
        total(balances.values(), snapshot.repeated),
        tuple(_findings(reader, snapshot, clock)),
    )


def _findings(reader: SnapshotReader, snapshot: Snapshot, clock: Clock) -> Iterator[Finding]:
    for partition, each in snapshot.partitions.items():
        inspection = None if each.balance.balanced else _inspect(reader, partition, each, clock)
        yield from findings(partition, each, inspection)
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
