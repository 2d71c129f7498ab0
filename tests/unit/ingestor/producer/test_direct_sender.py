from datetime import UTC, datetime

import pytest

from classwaves_ingestor.producer import MemoryTransport
from classwaves_ingestor.producer.direct_sender import DirectSender
from classwaves_ingestor.producer.metrics import PublisherMetrics
from classwaves_ingestor.producer.transport import Failure
from classwaves_runtime.clock import ManualClock

FATAL = Failure("_fatal", fatal=True)


class Dead(MemoryTransport):
    """Like librdkafka after a fatal error: it refuses every event."""

    def send(self, key, value, refusal):
        refusal(FATAL, value)


@pytest.fixture
def clock():
    return ManualClock(datetime(2025, 9, 15, tzinfo=UTC))


@pytest.fixture
def way_over(registry, clock):
    """Create a sender that uses these connections one after the other."""

    def make(*transports):
        return DirectSender(iter(transports).__next__, PublisherMetrics.of(registry), clock)

    return make


def values(topic):
    return [value for _, value in topic.messages]


def delivered(registry):
    return registry.get_sample_value("ingestor_publisher_delivered_total")


def failed(registry, reason):
    return registry.get_sample_value("ingestor_publisher_failed_total", {"reason": reason})


def test_a_fatal_failure_opens_a_new_connection_and_keeps_the_counts(way_over, registry):
    first, second = MemoryTransport(), MemoryTransport()
    way = way_over(first, second)
    way.send("s", b"1")
    way.poll()
    first.failure = FATAL
    way.send("s", b"2")
    way.poll()
    way.send("s", b"3")
    assert way.flush(0) == 0
    assert (values(first), values(second)) == ([b"1"], [b"3"])
    assert delivered(registry) == 2
    assert failed(registry, "_fatal") == 1


def test_an_event_refused_by_a_dead_connection_is_sent_by_the_next(way_over):
    topic = MemoryTransport()
    way = way_over(Dead(), topic)
    way.send("s", b"1")
    assert way.flush(0) == 0
    assert values(topic) == [b"1"]


def test_after_a_second_dead_connection_the_next_opens_a_second_later(way_over, clock, registry):
    topic = MemoryTransport()
    way = way_over(Dead(), Dead(), topic)
    for number in range(3):
        way.send("s", b"%d" % number)
    assert failed(registry, "_fatal") == 4
    clock.advance(1)
    way.send("s", b"3")
    assert way.flush(0) == 0
    assert values(topic) == [b"3"]


def test_failures_of_a_replaced_connection_do_not_count_against_the_new_one(
    way_over,
):
    first, second = MemoryTransport(), MemoryTransport()
    way = way_over(first, second)
    way.send("s", b"1")
    refusal = first._waiting[0][2]
    first.failure = FATAL
    way.poll()
    way.send("s", b"2")
    refusal(FATAL, b"1")
    way.send("s", b"3")
    assert way.flush(0) == 0
    assert values(second) == [b"2", b"3"]


def test_a_reason_of_refusal_is_logged_once_until_events_are_delivered_again(way_over, caplog):
    topic = MemoryTransport()
    way = way_over(topic)
    for failure in (
        Failure("topic_authorization_failed"),
        None,
        Failure("topic_authorization_failed"),
    ):
        topic.failure = failure
        for _ in range(3):
            way.send("s", b"{}")
        way.flush(0)
    assert [record.reason for record in caplog.records] == ["topic_authorization_failed"] * 2


def test_a_sender_without_events_opens_no_connection(way_over):
    way = way_over()
    way.poll()
    assert way.flush(0) == 0
    way.close()
