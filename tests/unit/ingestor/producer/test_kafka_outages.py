"""The transport on a fake of librdkafka: logged errors, interrupted callbacks, greenlets."""

import time

import pytest
from confluent_kafka import KafkaError

from classwaves_ingestor.producer import greenlets
from classwaves_ingestor.producer.kafka import KafkaTransport, producer_options
from tests.support.transport_behaviour import ignore_failure


class Producer:
    """A fake of librdkafka's producer: events wait until the test delivers them."""

    def __init__(self):
        self.waiting = 0

    def __len__(self):
        return self.waiting

    def produce(self, *_, **__):
        self.waiting += 1

    def poll(self, _):
        return 0

    def flush(self, _):
        return self.waiting


@pytest.fixture
def producer():
    return Producer()


@pytest.fixture
def transport(monkeypatch, producer):
    monkeypatch.setattr("classwaves_ingestor.producer.kafka.Producer", lambda *_, **__: producer)
    return KafkaTransport(producer_options({"bootstrap.servers": "127.0.0.1:1"}, 1000), "t")


def fail(transport):
    transport._log_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))


def outages(caplog):
    return len([each for each in caplog.records if "Error from librdkafka" in each.message])


def test_an_outage_is_logged_once_however_long_it_lasts(transport, caplog):
    for _ in range(3):
        fail(transport)
        transport.poll()
        transport.flush(0)
    assert outages(caplog) == 1


def test_an_outage_after_a_delivery_is_logged_again(transport, producer, caplog):
    transport.send("s", b"1", ignore_failure)
    fail(transport)
    fail(transport)
    producer.waiting = 0
    transport.poll()
    fail(transport)
    assert outages(caplog) == 2


def test_a_callback_is_not_interrupted_by_other_callbacks_of_its_thread(
    transport, producer, monkeypatch
):
    def poll(_):
        polls.append(1)
        transport.poll()
        assert transport.flush(60) == 0

    polls = []
    monkeypatch.setattr(producer, "poll", poll)
    transport.poll()
    transport.poll()
    assert len(polls) == 2


def test_among_greenlets_a_flush_sleeps_instead_of_waiting_in_librdkafka(
    transport, producer, monkeypatch
):
    def sleep(seconds):
        sleeps.append(seconds)
        producer.waiting -= 1

    sleeps, waits = [], []
    monkeypatch.setattr(greenlets, "in_use", lambda: True)
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(producer, "flush", waits.append)
    for _ in range(3):
        transport.send("s", b"1", ignore_failure)
    assert transport.flush(60) == 0
    assert sleeps == [0.001, 0.002, 0.004]
    assert not any(waits)


def test_among_greenlets_a_flush_ends_at_its_timeout(transport, monkeypatch):
    monkeypatch.setattr(greenlets, "in_use", lambda: True)
    transport.send("s", b"1", ignore_failure)
    assert transport.flush(0.01) == 1
