"""The transport in memory passes the behaviour suite of transports."""

import threading

import pytest

from classwaves_ingestor.producer.errors import QueueFull
from classwaves_ingestor.producer.memory import MemoryTransport
from classwaves_ingestor.producer.transport import Failure
from tests.support.transport_behaviour import TransportBehaviour, ignore_failure
from tests.support.waiting import TIMEOUT_SECONDS


class TestMemoryTransport(TransportBehaviour):
    @pytest.fixture
    def topic(self):
        return MemoryTransport()

    @pytest.fixture
    def transport(self, topic):
        return topic.connect()

    @pytest.fixture
    def received(self, topic):
        return lambda: topic.messages


def test_during_an_outage_of_the_topic_events_wait_and_then_arrive_in_order():
    topic = MemoryTransport()
    topic.away = True
    for number in range(3):
        topic.send("s", b"%d" % number, ignore_failure)
    assert topic.flush(0) == 3
    topic.away = False
    assert topic.flush(0) == 0
    assert topic.messages == [("s", b"0"), ("s", b"1"), ("s", b"2")]


def test_a_second_poll_waits_for_the_callbacks_of_the_first():
    topic, entered, resume, failures = MemoryTransport(), threading.Event(), threading.Event(), []

    def refuse(failure):
        entered.set()
        assert resume.wait(TIMEOUT_SECONDS)
        failures.append(failure)

    topic.failure = Failure("topic_authorization_failed")
    topic.send("s", b"1", topic.failure_callback(refuse))
    threads = [threading.Thread(target=topic.poll) for _ in range(2)]
    threads[0].start()
    assert entered.wait(TIMEOUT_SECONDS)
    threads[1].start()
    threads[1].join(0.05)
    assert threads[1].is_alive()
    resume.set()
    for each in threads:
        each.join(TIMEOUT_SECONDS)
    assert failures == [topic.failure]


def test_a_full_queue_refuses_events():
    topic = MemoryTransport(room=1)
    topic.send("s", b"1", ignore_failure)
    with pytest.raises(QueueFull):
        topic.send("s", b"2", ignore_failure)


def test_a_configured_failure_is_reported_for_each_event():
    topic, failures = MemoryTransport(), []
    topic.failure = Failure("topic_authorization_failed")
    topic.send("s", b"1", topic.failure_callback(failures.append))
    topic.flush(0)
    assert failures == [Failure("topic_authorization_failed")]
    assert topic.messages == []
