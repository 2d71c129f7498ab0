"""The delivery thread: batches in flight, refused events, gauges and pauses."""

import threading

import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import EventPublisher, MemoryTransport
from classwaves_ingestor.producer.delivery import Delivery
from classwaves_ingestor.producer.locks import Wakeup
from classwaves_ingestor.producer.spool import Spool
from classwaves_ingestor.producer.transport import Failure
from tests.support.publishing import EVENT, QUICK, TOPIC, decode, settings
from tests.support.waiting import wait_until


@pytest.fixture
def publisher(tmp_path, topic, registry):
    with EventPublisher(
        settings(tmp_path), component="test", registry=registry, connect=topic.connect, policy=QUICK
    ) as made:
        yield made


def test_non_durable_events_count_as_delivered_once_kafka_acknowledges_them(
    publisher, topic, registry
):
    def delivered():
        return registry.get_sample_value("ingestor_publisher_delivered_total")

    topic.away = True
    for _ in range(3):
        publisher.emit("started", **EVENT, durable=False)
    assert publisher.flush(0) == 3
    assert delivered() == 0
    topic.away = False
    wait_until(lambda: delivered() == 3, "what the broker took by itself is counted")
    publisher.emit("started", **EVENT, durable=False)
    assert publisher.flush(10) == 0
    assert delivered() == 4


def test_a_batch_in_flight_at_close_stays_in_the_spool_and_the_next_process_sends_it(
    tmp_path, topic
):
    def start():
        return EventPublisher(
            settings(tmp_path),
            component="test",
            registry=CollectorRegistry(),
            connect=topic.connect,
            policy=QUICK,
        )

    topic.away = True
    publisher = start()
    with publisher._emitter._delivery.fork_lock:  # delivery reads all of them in one batch
        ids = [publisher.emit("started", **EVENT) for _ in range(QUICK.batch_events)]
    wait_until(lambda: len(topic._waiting) == len(ids), "all are on their way")
    assert publisher.close(0) == len(ids)
    topic.away = False
    with start() as successor:
        wait_until(lambda: len(topic.messages) == len(ids), "the successor sends them")
        assert successor.flush(10) == 0
    assert [event["id"] for event in decode(topic.messages)] == ids


class WholeBatches(MemoryTransport):
    """Like Kafka: one event that is too large makes its whole batch fail."""

    def flush(self, seconds):
        large = any(len(value) > 500 for _, value, _ in self._waiting)
        self.failure = Failure("msg_size_too_large", of_this_event=True) if large else None
        return super().flush(seconds)

    def poll(self):
        if threading.current_thread().name == "event-delivery":
            super().poll()


def test_an_event_that_makes_its_batch_fail_is_refused_alone(tmp_path, registry):
    topic = WholeBatches()
    with EventPublisher(
        settings(tmp_path), component="test", registry=registry, connect=topic.connect, policy=QUICK
    ) as publisher:
        with publisher._emitter._delivery.fork_lock:  # delivery reads all of them in one batch
            ids = [
                publisher.emit(
                    "configured", **EVENT, payload={"groupSizes": [1] * (300 if number == 3 else 1)}
                )
                for number in range(QUICK.batch_events)
            ]
        wait_until(lambda: publisher.flush(0) == 1, "its neighbours are delivered")
    assert [event["id"] for event in decode(topic.messages)] == [*ids[:3], *ids[4:]]
    assert (
        registry.get_sample_value(
            "ingestor_publisher_failed_total", {"reason": "msg_size_too_large"}
        )
        == 1
    )


def test_a_full_transport_does_not_stop_the_gauges_or_the_adoption_of_orphans(
    tmp_path, topic, registry
):
    def waiting():
        return registry.get_sample_value("ingestor_publisher_spool_events")

    topic.away = True
    topic.room = 2
    with EventPublisher(
        settings(tmp_path), component="test", registry=registry, connect=topic.connect, policy=QUICK
    ) as publisher:
        with publisher._emitter._delivery.fork_lock:  # delivery reads all of them in one batch
            for _ in range(QUICK.batch_events):
                publisher.emit("started", **EVENT)
        wait_until(lambda: len(topic._waiting) == 2, "the transport is full")
        publisher.emit("started", **EVENT)
        wait_until(lambda: waiting() == QUICK.batch_events + 1, "the gauge counts all events")
        orphan = Spool(
            tmp_path / "elsewhere", 1000, TOPIC
        )  # within the folder it would be adopted while empty
        orphan.append("s", b"{}", 1.0)
        orphan.close()
        orphan.path.rename(tmp_path / "0.spool")
        wait_until(lambda: waiting() == QUICK.batch_events + 2, "the orphan is adopted")
        topic.away = False


def test_delivery_pauses_for_emits_after_a_full_batch_unless_a_flush_waits(
    publisher, topic, monkeypatch
):
    rests = []
    monkeypatch.setattr(Delivery, "_pause", lambda self, seconds: rests.append(seconds))
    topic.away = True
    for _ in range(3 * QUICK.batch_events):
        publisher.emit("started", **EVENT)
    rests.clear()
    topic.away = False
    wait_until(lambda: len(topic.messages) == 3 * QUICK.batch_events, "all are sent")
    assert any(0 < seconds <= 0.05 for seconds in rests)
    topic.away = True
    for _ in range(3 * QUICK.batch_events):
        publisher.emit("started", **EVENT)
    assert publisher.flush(0.01) == 3 * QUICK.batch_events
    monkeypatch.setattr(publisher._emitter._delivery, "_flushing", [Wakeup()])
    rests.clear()
    topic.away = False
    wait_until(lambda: len(topic.messages) == 6 * QUICK.batch_events, "all are sent")
    assert all(seconds == QUICK.linger_seconds for seconds in rests)
