"""Kafka's broker clock passes the behaviour suite; rights on the clock topic are found."""

import time
from unittest.mock import Mock

import pytest
from confluent_kafka import KafkaError, KafkaException

from classwaves_ingestor.errors import BrokerRefused
from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.broker_clock import KafkaBrokerClock, find_clock_problem
from local.kafka.choice import start_mock
from tests.integration.ingestor.kafka.kafka_topic import KafkaTopic
from tests.support.broker_clock_behaviour import BrokerClockBehaviour


class KafkaClockHost:
    def __init__(self, servers: str, name: str) -> None:
        self.topic = KafkaTopic(
            servers, name, partitions=1, **{"message.timestamp.type": "LogAppendTime"}
        )
        self.clock = KafkaBrokerClock(self.topic.options, self.topic.admin, name)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def remove_topic(self) -> None:
        self.topic.delete()

    def refuse_writes(self) -> None:
        # A compacted topic refuses messages without a key.
        self.topic.set("cleanup.policy", "compact")

    def use_create_time(self) -> None:
        self.topic.set("message.timestamp.type", "CreateTime")

    def accept(self) -> None:
        self.topic.set("cleanup.policy", "delete")

    def go_away(self) -> None:
        gone = {"bootstrap.servers": "127.0.0.1:1"}
        self.clock = KafkaBrokerClock(gone, self.topic.admin, self.topic.name, seconds=0.5)


@pytest.fixture
def host(kafka, topic_name) -> KafkaClockHost:
    return KafkaClockHost(kafka.bootstrap_servers, topic_name)


class TestKafkaBrokerClock(BrokerClockBehaviour):
    pass


def test_the_problem_of_a_clock_topic_is_found_without_writing(host):
    admin, name = host.topic.admin, host.topic.name
    assert find_clock_problem(admin, name) is None
    host.use_create_time()
    assert "message.timestamp.type to LogAppendTime" in (find_clock_problem(admin, name) or "")
    assert "ingestor topics create" in (find_clock_problem(admin, f"{name}.gone") or "")
    assert host.topic.end(0) == 0


def test_a_mock_cluster_has_no_clock(topic_name):
    with start_mock() as cluster:
        options = {"bootstrap.servers": cluster.bootstrap_servers}
        admin = connect(options)
        with pytest.raises(BrokerRefused, match="mock cluster"):
            KafkaBrokerClock(options, admin, topic_name).read()
        assert "mock cluster" in (find_clock_problem(admin, topic_name) or "")


def test_a_message_that_the_client_refuses_is_an_error_of_the_broker(host):
    clock = host.clock
    assert clock.read() > 0
    refusal = KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC))
    clock._producer = Mock(produce=Mock(side_effect=refusal))
    with pytest.raises(BrokerRefused, match=host.topic.name):
        clock.read()
