"""How far things are, read from broker and table while everything runs."""

from dataclasses import dataclass

from ingestor.settings import LedgerSettings
from ingestor.topics.admin import connect
from ingestor.topics.description import describe_topic
from ingestor.topics.watermarks import watermarks
from warehouse.open import open_warehouse
from warehouse.stream import Stream


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of the messages so far.

    Arguments:
        sent: messages that the broker holds.
        stored: rows in the table.
        lag: messages that no commit has passed yet.
        duplicates: repeats that were recognised.
        dead_lettered: messages that went to the dead letters.
    """

    sent: int
    stored: int
    lag: int
    duplicates: int
    dead_lettered: int


class Gauge:
    """Reads the figures of one stream. The topic and the tables exist, and the topic is new."""

    def __init__(self, settings: LedgerSettings) -> None:
        self._topic = settings.session_events_topic
        self._admin = connect(settings.kafka)
        self._warehouse = open_warehouse(settings.warehouse)
        topic = describe_topic(self._admin, self._topic)
        self._partitions = topic.partitions
        self._ledger = self._warehouse.ledger(Stream(settings.ingestor_group, self._topic, topic.topic_id))

    def read(self) -> Reading:
        """The figures now. Positions are read first, so that lag is never told too small."""
        checkpoints = self._ledger.checkpoints()
        marks = watermarks(self._admin, self._topic, self._partitions)
        sent = sum(mark.high - mark.low for mark in marks.values())
        return Reading(
            sent=sent,
            stored=self._warehouse.events.size().rows,
            lag=sent - sum(each.position - each.first_offset for each in checkpoints.values()),
            duplicates=sum(each.duplicates for each in checkpoints.values()),
            dead_lettered=sum(sum(each.dead_lettered.values()) for each in checkpoints.values()),
        )
