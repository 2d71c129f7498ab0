"""The Kafka consumer passes the behaviour suite."""

from collections.abc import Iterator

import pytest

from classwaves_ingestor.errors import BrokerUnavailable
from tests.integration.ingestor.kafka.kafka_topic import KafkaTopic
from tests.support.broker_behaviour import ConsumerBehaviour


@pytest.fixture
def broker(kafka, topic_name) -> Iterator[KafkaTopic]:
    topic = KafkaTopic(kafka.bootstrap_servers, topic_name)
    yield topic
    topic.close()


class TestKafkaGroupConsumer(ConsumerBehaviour):
    pass


def test_watermarks_of_a_missing_topic_are_unavailable(broker):
    member = broker.consumer()
    broker.delete()
    with pytest.raises(BrokerUnavailable, match=broker.name):
        member.watermarks([0])
