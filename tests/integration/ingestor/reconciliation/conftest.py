"""A topic, a Delta table, and a writer that can lose messages or miscount them."""

from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from classwaves_ingestor.consumer.decode import Decoder
from classwaves_ingestor.dead_letters.dead_letter import SourceTopic, dead_letter
from classwaves_ingestor.dead_letters.kafka import KafkaDeadLetterWriter
from classwaves_ingestor.errors import BrokerRefused
from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.range_reader import RangeReader
from classwaves_ingestor.kafka.topic_creation import TopicLayout, create_topics
from classwaves_ingestor.kafka.topics import describe_topic, watermarks
from classwaves_ingestor.reconciliation.acknowledgement import acknowledge, release
from classwaves_ingestor.reconciliation.snapshot import SnapshotReader
from classwaves_ingestor.reconciliation.verification import Verification, verify
from classwaves_ingestor.settings import StreamSettings
from classwaves_runtime.clock import SystemClock
from classwaves_warehouse.batch import Batch
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.interface import Stored, Stream
from classwaves_warehouse.offset_sums import NO_OFFSETS, OffsetSums
from classwaves_warehouse.open import open_warehouse
from tests.support.events import plain
from tests.support.waiting import wait_until


def message(number: int, session: str = "s1") -> bytes:
    """A valid event; the same number and session are the same event."""
    return plain(id=f"e{number}", session_id=session)


class ProofScenario:
    def __init__(self, environ: dict[str, str], partitions: int) -> None:
        self.environ = environ
        self.settings = StreamSettings.from_environment(environ)
        self.admin: AdminClient = connect(self.settings.kafka)
        list(create_topics(self.admin, self.settings, TopicLayout(partitions=partitions)))
        self.topic = describe_topic(self.admin, self.settings.session_events_topic)
        self.warehouse = open_warehouse(self.settings.warehouse)
        self.warehouse.tables.migrate()
        self.ledger = self.warehouse.ledger(
            Stream(self.settings.ingestor_group, self.topic.name, self.topic.topic_id)
        )
        self._positions: dict[int, int | None] = {}

    def send(self, *values: bytes | None, partition: int = 0) -> None:
        producer = Producer(dict(self.settings.kafka))
        for value in values:
            producer.produce(self.topic.name, value, partition=partition)
        assert producer.flush(30) == 0

    def send_and_abort(self, *values: bytes, partition: int = 0) -> None:
        """Abort a transaction: one hole for each message, and one for the marker."""
        producer = Producer({**self.settings.kafka, "transactional.id": self.topic.name})
        producer.init_transactions()
        producer.begin_transaction()
        for value in values:
            producer.produce(self.topic.name, value, partition=partition)
        producer.flush()
        end = self._end(partition)
        producer.abort_transaction()
        # The marker is written after the answer.
        wait_until(lambda: self._end(partition) > end, "the marker is written")

    def store(
        self,
        partition: int = 0,
        *,
        lost: Collection[int] = (),
        without_dead_letter: Collection[int] = (),
        counted: Collection[int] = (),
    ) -> Stored:
        """Store a partition up to its end; the `lost` offsets are neither stored nor counted.

        The `counted` offsets are counted as holes, whatever else they are.
        """
        log = watermarks(self.admin, self.topic.name, [partition])[partition]
        start = self._positions.get(partition)
        messages = self._read(partition, range(log.low if start is None else start, log.high))
        decoded = Decoder(self.topic.topic_id, None).decode(
            [each for each in messages if each.offset() not in lost], datetime.now(UTC)
        )
        origin = SourceTopic(self.topic.name, self.topic.topic_id)
        dead_letters = [
            dead_letter(each.message, each.rejection.reason, each.rejection.detail, origin)
            for each in decoded.rejects
            if each.message.offset() not in without_dead_letter
        ]
        KafkaDeadLetterWriter(self.settings.kafka, self.settings.dead_letter_topic, 10**6).write(
            dead_letters
        )
        refused: dict[str, OffsetSums] = {}
        for each in decoded.rejects:
            before = refused.get(each.rejection.reason, NO_OFFSETS)
            refused[str(each.rejection.reason)] = before + OffsetSums.of([each.message.offset()])
        progress = Progress(
            position=log.high,
            first_offset=log.low,
            dead_lettered=refused,
            holes=OffsetSums.of(counted),
            ingested_through_ms=1_772_438_400_000,
        )
        outcome = self.ledger.append(Batch(decoded.rows), {partition: start}, {partition: progress})
        assert isinstance(outcome, Stored)
        self._positions[partition] = log.high
        return outcome

    def continue_at(self, offset: int, partition: int = 0) -> None:
        """Store from another offset on, as after an acknowledgement."""
        self._positions[partition] = offset

    def delete_before(self, offset: int, *, topic: str | None = None, partition: int = 0) -> None:
        """Delete the messages below an offset, as retention does."""
        limit = TopicPartition(topic or self.topic.name, partition, offset)
        self.admin.delete_records([limit])[limit].result()

    def recreate(self) -> None:
        """Delete the topic and create it again."""
        self.admin.delete_topics([self.topic.name])[self.topic.name].result()
        wait_until(
            lambda: describe_after_creation(self) != self.topic.topic_id, "the topic is recreated"
        )

    def verify(self, *, deep: bool = False) -> Verification:
        with closing(SnapshotReader(self.settings, self.warehouse)) as reader:
            return verify(reader, SystemClock(), deep=deep)

    def acknowledge(self) -> Sequence[str]:
        with closing(SnapshotReader(self.settings, self.warehouse)) as reader:
            return acknowledge(reader)

    def release(self) -> Sequence[str]:
        with closing(SnapshotReader(self.settings, self.warehouse)) as reader:
            return release(reader)

    def findings(self) -> list[str]:
        return [str(each) for each in self.verify().findings]

    def as_group(self, group: str) -> "ProofScenario":
        other = object.__new__(ProofScenario)
        other.__dict__ = {**self.__dict__, "_positions": {}}
        other.settings = self.settings.model_copy(update={"ingestor_group": group})
        stream = Stream(group, self.topic.name, self.topic.topic_id)
        other.ledger = self.warehouse.ledger(stream)
        return other

    def _end(self, partition: int) -> int:
        return watermarks(self.admin, self.topic.name, [partition])[partition].high

    def _read(self, partition: int, offsets: range) -> Sequence:
        reader = RangeReader(self.settings.kafka)
        try:
            return list(reader.read(self.topic.name, partition, offsets))
        finally:
            reader.close()


def describe_after_creation(scenario: ProofScenario) -> str:
    """Try to create the topic, which fails during a deletion, and return its current id."""
    with suppress(BrokerRefused):
        list(create_topics(scenario.admin, scenario.settings, TopicLayout(partitions=2)))
    return describe_topic(scenario.admin, scenario.topic.name).topic_id


@pytest.fixture
def scenario(kafka, topic_name, tmp_path) -> ProofScenario:
    return ProofScenario(
        {
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
            "SESSION_EVENTS_TOPIC": topic_name,
            "WAREHOUSE": f"delta:{tmp_path}",
        },
        partitions=2,
    )
