"""The memory consumer behaves like Kafka's."""

import pytest

from classwaves_ingestor.kafka.memory import MemoryGroupConsumer, MemoryTopic
from tests.support.broker_behaviour import ConsumerBehaviour


class MemoryBroker:
    def __init__(self) -> None:
        self.topic = MemoryTopic(partitions=2)
        self.add_partition = self.topic.add_partition
        self.expire = self.topic.expire
        self.recreate = self.topic.recreate
        self.expel = self.topic.expel
        self.committed_offset = self.topic.committed_offsets.get

    def produce(self, partition, values):
        for value in values:
            self.topic.produce(partition, value)

    def produce_one(self, partition, value, key, headers):
        self.topic.produce(partition, value, key, headers=headers, timestamp_ms=1)

    def produce_raw(self, partition, value, key, headers) -> int:
        return self.topic.produce(partition, value, key, headers=headers, timestamp_ms=1)

    def leave_a_hole(self, partition) -> int:
        self.topic.skip(partition, 2)
        return self.topic.watermarks(partition)[1]

    def begin_transaction(self, partition):
        self.topic.begin_transaction(partition)
        return lambda: self.topic.abort(partition)

    def consumer(self, instance_id=None) -> MemoryGroupConsumer:
        return self.topic.consumer(instance_id)


class TestMemoryGroupConsumer(ConsumerBehaviour):
    @pytest.fixture
    def broker(self) -> MemoryBroker:
        return MemoryBroker()
