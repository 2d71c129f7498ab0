"""Kafka does for its members what the suite says."""

from collections.abc import Iterator

import pytest

from tests.integration.ingestor.broker.kafka_topic import KafkaTopic
from tests.support.broker_behaviour import MemberBehaviour


@pytest.fixture
def broker(kafka, topic_name) -> Iterator[KafkaTopic]:
    topic = KafkaTopic(kafka.bootstrap_servers, topic_name)
    yield topic
    topic.close()


class TestKafkaMember(MemberBehaviour):
    pass
