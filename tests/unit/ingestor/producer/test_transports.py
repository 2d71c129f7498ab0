"""What every transport does; the real one passes the same in tests/integration."""

import threading

import pytest

from classwaves_ingestor.producer.errors import QueueFull
from classwaves_ingestor.producer.memory import MemoryTransport
from classwaves_ingestor.producer.transport import Failure
from tests.support.transport_behaviour import TransportBehaviour, unheard
from tests.support.waiting import PATIENCE


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


def test_while_it_is_away_events_wait_and_then_arrive_in_order():
    topic = MemoryTransport()
    topic.away = True
    for number in range(3):
        topic.send("s", b"%d" % number, unheard)
    assert topic.flush(0) == 3
    topic.away = False
    assert topic.flush(0) == 0
    assert topic.messages == [("s", b"0"), ("s", b"1"), ("s", b"2")]


def test_one_thread_settles_what_waits_while_another_has_to_wait_for_it():
    topic, at_it, go_on, told = MemoryTransport(), threading.Event(), threading.Event(), []

    def refuse(failure):
        at_it.set()
        assert go_on.wait(PATIENCE)
        told.append(failure)

    topic.failure = Failure("topic_authorization_failed")
    topic.send("s", b"1", topic.on_failure(refuse))
    threads = [threading.Thread(target=topic.poll) for _ in range(2)]
    threads[0].start()
    assert at_it.wait(PATIENCE)
    threads[1].start()
    threads[1].join(0.05)
    assert threads[1].is_alive()
    go_on.set()
    for each in threads:
        each.join(PATIENCE)
    assert told == [topic.failure]


def test_it_has_only_so_much_room():
    topic = MemoryTransport(room=1)
    topic.send("s", b"1", unheard)
    with pytest.raises(QueueFull):
        topic.send("s", b"2", unheard)


def test_a_failure_that_was_set_is_given_to_each_event():
    topic, told = MemoryTransport(), []
    topic.failure = Failure("topic_authorization_failed")
    topic.send("s", b"1", topic.on_failure(told.append))
    topic.flush(0)
    assert told == [Failure("topic_authorization_failed")]
    assert topic.messages == []
