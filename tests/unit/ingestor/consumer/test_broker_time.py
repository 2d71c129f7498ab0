from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.consumer.broker_time import RENEW_SECONDS, RETRY_SECONDS, BrokerTime
from classwaves_ingestor.errors import BrokerRefused, BrokerUnavailable, TopicMissing
from classwaves_ingestor.kafka.interface import TimeSource
from classwaves_ingestor.kafka.memory_clock import MemoryBrokerClock
from classwaves_runtime.clock import ManualClock
from tests.support.events import NOW

NOW_MS = int(NOW.timestamp() * 1000)


class Machine(ManualClock):
    """A consumer's machine whose time of day has nothing to do with the broker's."""

    def now(self):
        raise AssertionError("the consumer's time of day is read")


@pytest.fixture
def broker() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def broker_clock(broker) -> MemoryBrokerClock:
    return MemoryBrokerClock(broker)


@pytest.fixture
def machine() -> Machine:
    return Machine(NOW)


@pytest.fixture
def broker_time(broker_clock, machine) -> BrokerTime:
    return BrokerTime(broker_clock, machine)


def pass_time(seconds: float, *clocks: ManualClock) -> None:
    for clock in clocks:
        clock.advance(seconds)


def test_the_time_is_read_once_and_advanced_by_the_monotonic_clock(
    broker_time, broker_clock, broker, machine
):
    assert broker_time.now_ms() == NOW_MS
    pass_time(200, broker, machine)
    assert 199_000 < broker_time.now_ms() - NOW_MS < 200_000
    assert broker_clock.readings == 1
    assert (broker_time.source, broker_time.problem) == (TimeSource.CLOCK_TOPIC, None)


def test_the_reading_is_renewed_every_few_minutes(broker_time, broker_clock, broker, machine):
    broker_time.now_ms()
    pass_time(RENEW_SECONDS, broker, machine)
    assert broker_time.now_ms() == NOW_MS + RENEW_SECONDS * 1000
    assert broker_clock.readings == 2


def test_a_broker_whose_clock_is_set_back_is_followed(broker_time, broker_clock, broker, machine):
    broker_clock.ahead = timedelta(hours=1)
    assert broker_time.now_ms() == NOW_MS + 3_600_000
    broker_clock.ahead = timedelta()
    pass_time(RENEW_SECONDS, broker, machine)
    assert broker_time.now_ms() == NOW_MS + RENEW_SECONDS * 1000


@given(
    delays=st.lists(
        st.tuples(st.floats(0, 400), st.floats(0, 5), st.floats(0, 5), st.booleans()), max_size=20
    )
)
def test_the_time_is_never_later_than_the_brokers(delays):
    """Requests and answers travel; the monotonic clock runs up to 500 ppm too fast."""
    broker, machine = ManualClock(NOW), Machine(NOW)

    def travel(seconds: float) -> None:
        broker.advance(seconds)
        machine.advance(seconds * 1.0005)

    class Remote(MemoryBrokerClock):
        trip = (0.0, 0.0, False)

        def read(self) -> int:
            there, back, fails = self.trip
            travel(there)
            stamp = super().read()
            travel(back)
            if fails:
                raise BrokerUnavailable
            return stamp

    remote = Remote(broker)
    broker_time = BrokerTime(remote, machine)
    for waits, *trip in delays:
        travel(waits)
        remote.trip = tuple(trip)
        found = broker_time.now_ms()
        assert found is None or found <= broker.now().timestamp() * 1000


@pytest.mark.parametrize(
    "error", [TopicMissing("no"), BrokerRefused("no"), BrokerUnavailable("no")]
)
def test_without_the_clock_topic_the_time_is_unknown_and_is_read_again_after_a_minute(
    broker_time, broker_clock, machine, broker, error
):
    broker_clock.error = error
    assert broker_time.now_ms() is None
    assert (broker_time.source, broker_time.problem) == (TimeSource.UNKNOWN, "no")
    pass_time(RETRY_SECONDS - 1, broker, machine)
    assert broker_time.now_ms() is None
    assert broker_clock.readings == 1
    broker_clock.error = None
    pass_time(1, broker, machine)
    assert broker_time.now_ms() == NOW_MS + RETRY_SECONDS * 1000
    assert (broker_time.source, broker_time.problem) == (TimeSource.CLOCK_TOPIC, None)


def test_a_failed_renewal_keeps_the_last_reading(broker_time, broker_clock, broker, machine):
    broker_time.now_ms()
    broker_clock.error = BrokerUnavailable("away")
    pass_time(3600, broker, machine)
    assert 3_597_000 < broker_time.now_ms() - NOW_MS < 3_600_000
    assert (broker_time.source, broker_time.problem) == (TimeSource.CLOCK_TOPIC, "away")


def test_without_the_clock_topic_the_append_times_of_messages_are_taken(
    broker_time, broker_clock, machine
):
    broker_clock.error = BrokerRefused("no right")
    broker_time.observe([])
    assert broker_time.now_ms() is None
    broker_time.observe([NOW_MS, NOW_MS - 5])
    assert broker_time.now_ms() == NOW_MS
    assert broker_time.source is TimeSource.MESSAGES
    machine.advance(10)
    broker_time.observe([NOW_MS + 100])
    assert 9_990 < broker_time.now_ms() - NOW_MS < 10_000, "an older message proves less"
    broker_time.observe([NOW_MS + 11_000])
    assert broker_time.now_ms() == NOW_MS + 11_000


def test_the_append_time_of_a_clock_that_was_ahead_is_given_up(broker_time, broker_clock, machine):
    broker_clock.error = BrokerRefused("no right")
    broker_time.observe([NOW_MS + 3_600_000])
    machine.advance(RENEW_SECONDS)
    broker_time.observe([NOW_MS + 300_000])
    assert broker_time.now_ms() == NOW_MS + 300_000


def test_the_clock_topic_counts_rather_than_messages(broker_time):
    broker_time.observe([NOW_MS + 50])
    assert broker_time.now_ms() == NOW_MS
    assert broker_time.source is TimeSource.CLOCK_TOPIC
