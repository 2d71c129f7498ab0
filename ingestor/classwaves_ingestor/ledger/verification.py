"""The proof: look until all is sound or the fault is certain, then say where it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from classwaves_ingestor.ledger.balance import Balance, total
from classwaves_ingestor.ledger.findings import Finding, findings
from classwaves_ingestor.ledger.inspection import Inspection, inspect
from classwaves_ingestor.ledger.reading import Books, PartitionReading, Reading
from classwaves_ingestor.ledger.spans import gaps, joined
from classwaves_runtime.clock import Clock

_LOOKS = 3
# A new stretch costs the broker a round trip, in which it would have sent about as many messages.
_BRIDGED = 5_000


@dataclass(frozen=True, slots=True)
class Verification:
    """What the proof gave.

    Args:
        partitions: the balance of each partition.
        total: the balance of all.
        findings: where what is missing or twice is, and what else an operator should know.
    """

    partitions: Mapping[int, Balance]
    total: Balance
    findings: tuple[Finding, ...]


def verify(books: Books, clock: Clock) -> Verification:
    """Prove the ledger, while everything runs.

    A fault is believed when it stays through several looks: an erasure in between two reads can look like one.

    Raises:
        TopicRecreated: the positions were made for another incarnation of the topic.
        BrokerUnavailable, WarehouseUnavailable: something did not answer.
    """
    reading = books.read()
    for _ in range(_LOOKS - 1):
        if reading.sound:
            break
        reading = books.read()
    balances = {partition: each.balance for partition, each in reading.partitions.items()}
    return Verification(
        balances,
        total(balances.values(), reading.repeated),
        tuple(_findings(books, reading, clock)),
    )


def _findings(books: Books, reading: Reading, clock: Clock) -> Iterator[Finding]:
    for partition, each in reading.partitions.items():
        inspection = None if each.balance.sound else _inspect(books, partition, each, clock)
        yield from findings(partition, each, inspection)
    if reading.repeated:
        yield Finding.of_repeats(reading.repeated, reading.repeated_identities)


def _inspect(books: Books, partition: int, reading: PartitionReading, clock: Clock) -> Inspection:
    account = reading.account
    readable = range(max(account.start, reading.log.low), min(account.stop, reading.log.high))
    stored = books.events.offsets(books.stream, partition, readable.start, readable.stop)
    rows = frozenset(stored)
    messages = (
        message
        for stretch in joined(gaps(stored, readable.start, readable.stop), _BRIDGED)
        for message in books.reader.read(books.topic.name, partition, stretch)
        if message.offset() not in rows
    )
    return inspect(messages, reading.letters or frozenset(), books.events.known, clock.now())
