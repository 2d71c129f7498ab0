"""The broker's clock in memory behaves like Kafka's."""

import pytest

from classwaves_ingestor.errors import BrokerRefused, BrokerUnavailable, TopicMissing
from classwaves_ingestor.kafka.memory_clock import MemoryBrokerClock
from classwaves_runtime.clock import ManualClock
from tests.support.broker_clock_behaviour import BrokerClockBehaviour
from tests.support.events import NOW


class MemoryClockHost:
    def __init__(self) -> None:
        self.machine = ManualClock(NOW)
        self.clock = MemoryBrokerClock(self.machine)

    def now_ms(self) -> int:
        return int(self.machine.now().timestamp() * 1000)

    def remove_topic(self) -> None:
        self.clock.error = TopicMissing("Create it with `ingestor topics create`.")

    def refuse_writes(self) -> None:
        self.clock.error = BrokerRefused("Refused.")

    def use_create_time(self) -> None:
        self.clock.error = BrokerRefused("Set its message.timestamp.type to LogAppendTime.")

    def accept(self) -> None:
        self.clock.error = None

    def go_away(self) -> None:
        self.clock.error = BrokerUnavailable("No answer.")


class TestMemoryBrokerClock(BrokerClockBehaviour):
    @pytest.fixture
    def host(self) -> MemoryClockHost:
        return MemoryClockHost()
