"""A topic of a real Kafka and its one group, as a test drives them."""

import logging
import uuid
from collections.abc import Callable

from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

from classwaves_ingestor.errors import TopicMissing
from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.consumer import KafkaGroupConsumer, consumer_options
from classwaves_ingestor.kafka.topics import TopicReader, watermarks
from tests.support.raw_producer import produce_raw
from tests.support.waiting import wait_until

log = logging.getLogger(__name__)

SECONDS = 30.0

_QUICK = {
    "heartbeat.interval.ms": "100",  # the answer to a heartbeat announces a rebalance
    "session.timeout.ms": "3000",
    "max.poll.interval.ms": "3000",
    "topic.metadata.refresh.interval.ms": "300",
    "reconnect.backoff.max.ms": "500",
}


class KafkaTopic:
    """A new topic, and a consumer group of the same name.

    Args:
        servers: address of the broker.
        name: topic name.
        partitions: number of partitions.
        patient: use the production limit between two polls; otherwise the group expels a member
            after 3 s.
        config: configuration of the topic.
    """

    def __init__(
        self, servers: str, name: str, partitions: int = 2, *, patient: bool = False, **config: str
    ) -> None:
        self.name = name
        self.group = name
        self.options = {"bootstrap.servers": servers}
        self.admin: AdminClient = connect(self.options)
        self._quick = {**_QUICK, "max.poll.interval.ms": "300000"} if patient else _QUICK
        self._members: list[KafkaGroupConsumer] = []
        self._config = config
        self._partitions = partitions
        self._create()
        self._producer = Producer({**self.options, "acks": "all", "linger.ms": 0}, logger=log)

    @property
    def topic_id(self) -> str:
        return TopicReader(self.admin, self.name).topic_id()

    def produce(self, partition, values, key=None) -> None:
        for value in values:
            self._producer.produce(self.name, value=value, key=key, partition=partition)
        assert self._producer.flush(SECONDS) == 0

    def produce_one(self, partition, value, key, headers) -> None:
        self._producer.produce(
            self.name, value=value, key=key, headers=headers, partition=partition
        )
        assert self._producer.flush(SECONDS) == 0

    def produce_raw(self, partition, value, key, headers) -> int:
        servers = self.options["bootstrap.servers"]
        return produce_raw(servers, self.name, partition, value, key, headers)

    def leave_a_hole(self, partition) -> int:
        """Two aborted messages and their marker; returns the end after them."""
        self.begin_transaction(partition, messages=2)()
        return self.end(partition)

    def begin_transaction(self, partition, messages=1) -> Callable[[], None]:
        """Leave messages in an open transaction; the answer aborts it."""
        producer = Producer({**self.options, "transactional.id": uuid.uuid4().hex}, logger=log)
        producer.init_transactions(SECONDS)
        producer.begin_transaction()
        for _ in range(messages):
            producer.produce(self.name, value=b"aborted", partition=partition)
        assert producer.flush(SECONDS) == 0

        def abort() -> None:
            before = self.end(partition)
            producer.abort_transaction(SECONDS)
            # The marker may be written after the answer.
            wait_until(lambda: self.end(partition) == before + 1, "the marker is written")

        return abort

    def end(self, partition) -> int:
        """The high watermark."""
        return watermarks(self.admin, self.name, [partition])[partition].high

    def expire(self, partition, low) -> None:
        limit = TopicPartition(self.name, partition, low)
        self.admin.delete_records([limit])[limit].result(SECONDS)

    def add_partition(self) -> None:
        self._partitions += 1
        self.admin.create_partitions([NewPartitions(self.name, self._partitions)])[
            self.name
        ].result(SECONDS)
        wait_until(self._has_leaders, "every leader answers")

    def set(self, name: str, value: str) -> None:
        """Change one configuration of the topic."""
        entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, self.name, incremental_configs=[entry])
        self.admin.incremental_alter_configs([resource])[resource].result(SECONDS)

    def delete(self) -> None:
        self.admin.delete_topics([self.name])[self.name].result(SECONDS)

    def recreate(self) -> None:
        before = self.topic_id
        self.delete()
        self._create()
        wait_until(lambda: self._current_id() not in {None, before}, "the topic has another id")

    def expel(self, member) -> None:
        """Do nothing: the group expels a member after 3 s without a poll."""

    def committed_offset(self, partition) -> int | None:
        request = ConsumerGroupTopicPartitions(self.group, [TopicPartition(self.name, partition)])
        found = self.admin.list_consumer_group_offsets([request])[self.group].result(SECONDS)
        return found.topic_partitions[0].offset

    def consumer(self, instance_id: str | None = None) -> KafkaGroupConsumer:
        static = {} if instance_id is None else {"group.instance.id": instance_id}
        options = consumer_options(
            {**self.options, **self._quick, **static}, self.group, prefetch_bytes=8 << 20
        )
        member = KafkaGroupConsumer(options, self.name, TopicReader(self.admin, self.name))
        self._members.append(member)
        return member

    def close(self) -> None:
        for member in self._members:
            member.close()

    def _create(self) -> None:
        def created() -> bool:
            wanted = NewTopic(self.name, self._partitions, 1, config=self._config)
            return self.admin.create_topics([wanted])[self.name].exception(SECONDS) is None

        wait_until(created, "the topic is created")
        wait_until(lambda: self._current_id() is not None, "the topic has an id")
        wait_until(self._has_leaders, "every leader answers")

    def _has_leaders(self) -> bool:
        """Whether every leader answers; the metadata can name a leader before it is ready."""
        try:
            return (
                len(watermarks(self.admin, self.name, range(self._partitions))) == self._partitions
            )
        except TopicMissing:
            return False

    def _current_id(self) -> str | None:
        try:
            return self.topic_id
        except TopicMissing:
            return None
