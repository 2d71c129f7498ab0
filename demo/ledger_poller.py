"""Polls the ledger for totals.

Totals come from here and not from metrics: what a killed process had counted died with it, and the
ledger's counts are
committed with the rows. Rows are reckoned, not counted, since counting them costs a SQL warehouse a
second; the proof
at the end counts.
"""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.topics import describe_topic, watermarks
from classwaves_ingestor.settings import StreamSettings
from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.open import open_warehouse


@dataclass(frozen=True, slots=True)
class LedgerTotals:
    """Totals of the ledger.

    Args:
        positions: by partition, how many of its messages a commit has passed.
        rows: of the messages that it has passed, those that are neither repeats nor dead_letters
            nor Kafka's own holes.
        duplicates: recognised repeats.
        dead_letters: messages that went to the dead letters, by reason.
    """

    positions: Mapping[int, int]
    rows: int
    duplicates: int
    dead_letters: Mapping[str, int]


class LedgerPoller:
    """Reads the totals of one stream, whose topic is new."""

    def __init__(self, settings: StreamSettings) -> None:
        self._topic = settings.session_events_topic
        self._admin = connect(settings.kafka)
        topic = describe_topic(self._admin, self._topic)
        self._partitions = topic.partitions
        stream = Stream(settings.ingestor_group, self._topic, topic.topic_id)
        self._ledger = open_warehouse(settings.warehouse).ledger(stream)
        self._known = LedgerTotals(dict.fromkeys(self._partitions, 0), 0, 0, {})
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger_poller")
        self._reading = self._thread.submit(self._read)

    def ledger(self) -> LedgerTotals:
        """The figures as they were last read.

        They are read again, but not waited for: SQL may take seconds.
        """
        if self._reading.done():
            self._known = self._reading.result()
            self._reading = self._thread.submit(self._read)
        return self._known

    def _read(self) -> LedgerTotals:
        checkpoints = self._ledger.checkpoints()
        dead_letters: Counter[str] = Counter()
        for checkpoint in checkpoints.values():
            dead_letters.update(
                {reason: offsets.count for reason, offsets in checkpoint.dead_lettered.items()}
            )
        return LedgerTotals(
            positions={
                partition: checkpoints[partition].position if partition in checkpoints else 0
                for partition in self._partitions
            },
            rows=sum(map(_rows, checkpoints.values())),
            duplicates=sum(each.duplicates.count for each in checkpoints.values()),
            dead_letters=dead_letters,
        )

    def ends(self) -> Mapping[int, int]:
        """The next offset of each partition, from the broker. Raises BrokerUnavailable."""
        return {
            partition: mark.high
            for partition, mark in watermarks(self._admin, self._topic, self._partitions).items()
        }


def _rows(checkpoint: Checkpoint) -> int:
    left_out = (
        checkpoint.duplicates.count
        + checkpoint.dead_letters.count
        + checkpoint.erased.count
        + checkpoint.holes.count
        + checkpoint.expired.count
        - checkpoint.superseded.count
    )
    return checkpoint.position - checkpoint.first_offset - left_out
