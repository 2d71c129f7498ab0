"""The behaviour of every `BrokerClock`: one suite, run in memory and on Kafka."""

from typing import Protocol

import pytest

from classwaves_ingestor.errors import BrokerRefused, BrokerUnavailable, TopicMissing
from classwaves_ingestor.kafka.interface import BrokerClock


class ClockHost(Protocol):
    """A broker with a clock, driven by a test."""

    @property
    def clock(self) -> BrokerClock: ...
    def now_ms(self) -> int: ...
    def remove_topic(self) -> None: ...
    def refuse_writes(self) -> None: ...
    def use_create_time(self) -> None: ...
    def accept(self) -> None: ...
    def go_away(self) -> None: ...


class BrokerClockBehaviour:
    """The suite. A subclass has the fixture `host`: a new `ClockHost` for each test."""

    def test_a_reading_is_the_brokers_time_during_the_call(self, host):
        for _ in range(3):
            before = host.now_ms()
            read = host.clock.read()
            assert before <= read <= host.now_ms()

    def test_a_missing_topic_is_an_error_and_is_not_created(self, host):
        host.remove_topic()
        for _ in range(2):
            with pytest.raises(TopicMissing, match="ingestor topics create"):
                host.clock.read()

    def test_a_refused_write_is_an_error_until_it_is_permitted(self, host):
        host.refuse_writes()
        with pytest.raises(BrokerRefused):
            host.clock.read()
        host.accept()
        assert host.clock.read() <= host.now_ms()

    def test_the_time_of_producers_is_refused(self, host):
        host.use_create_time()
        with pytest.raises(BrokerRefused, match=r"message\.timestamp\.type to LogAppendTime"):
            host.clock.read()

    def test_a_broker_that_does_not_answer_is_unavailable(self, host):
        host.go_away()
        with pytest.raises(BrokerUnavailable):
            host.clock.read()
