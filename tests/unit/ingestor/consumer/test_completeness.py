"""The time through which a consumer has ingested, with the clock of the broker in memory."""

from datetime import datetime, timedelta

import pytest

from classwaves_ingestor import metrics
from classwaves_ingestor.consumer import pipeline
from classwaves_ingestor.consumer.broker_time import RENEW_SECONDS
from classwaves_ingestor.errors import BrokerRefused, BrokerUnavailable
from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_ingestor.kafka.memory import MemoryTopic
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Progress
from tests.support.events import NOW, wire
from tests.unit.ingestor.consumer.parts import (
    BATCH_SECONDS,
    CLOCK_SKEW,
    Environment,
    StepConsumer,
)

MINUTE = timedelta(minutes=1)
SKEW = timedelta(seconds=CLOCK_SKEW)
IDLE_SECONDS = 60


@pytest.fixture
def environment() -> Environment:
    return Environment(MemoryTopic(partitions=1))


@pytest.fixture
def consumer(environment) -> StepConsumer:
    return StepConsumer(environment, eager=True)


def through(environment: Environment) -> datetime | None:
    store = environment.warehouse.rollup()
    return store.ingested_through("group", "session-events").get(0)


def broker_now(environment: Environment) -> datetime:
    return environment.clock.now() + environment.broker_clock.ahead


def is_current(environment: Environment) -> bool:
    """Whether the time is that of the last commit, and not later."""
    found, limit = through(environment), broker_now(environment) - SKEW
    return found is not None and limit - timedelta(seconds=BATCH_SECONDS + 1) <= found <= limit


def send(environment: Environment, *numbers: int) -> None:
    for number in numbers:
        environment.topic.produce(0, wire(number=number))


def source(consumer: StepConsumer) -> set[str]:
    return {
        name
        for name in ("clock-topic", "messages", "unknown")
        if consumer.registry.get_sample_value(metrics.TIME_SOURCE.name, {"time_source": name})
    }


@pytest.mark.parametrize("ahead", [20 * MINUTE, -20 * MINUTE])
def test_the_time_is_the_brokers_minus_the_skew_whatever_the_consumers_clock_says(
    environment, consumer, ahead
):
    environment.broker_clock.ahead = -ahead
    send(environment, 1)
    consumer.store_all()
    assert through(environment) == broker_now(environment) - SKEW
    assert source(consumer) == {"clock-topic"}


def test_an_open_transaction_holds_the_time_until_it_ends(environment, consumer):
    send(environment, 1)
    consumer.store_all()
    before = through(environment)
    environment.topic.begin_transaction(0)
    send(environment, 2)
    environment.clock.advance(IDLE_SECONDS)
    consumer.store_all()
    assert through(environment) == before
    environment.topic.abort(0)
    consumer.store_all()
    assert is_current(environment)


def test_the_time_advances_behind_a_steady_lag(environment, consumer, monkeypatch):
    send(environment, 0)
    consumer.store_all()
    monkeypatch.setattr(pipeline, "POLL_MESSAGES", 2)
    send(environment, *range(1, 11))
    found = []
    for number in range(20):
        send(environment, 100 + 2 * number, 101 + 2 * number)
        environment.clock.advance(BATCH_SECONDS)
        consumer.run()
        assert environment.topic.watermarks(0)[1] - environment.positions.get(0, 0) >= 8
        found.append(through(environment))
    assert found[-1] > found[0]
    assert broker_now(environment) - found[-1] < 10 * timedelta(seconds=BATCH_SECONDS)


def test_a_stored_time_in_the_future_is_corrected_although_the_end_is_not_reached(environment):
    send(environment, *range(10))
    ledger = environment.warehouse.ledger(environment.stream)
    wrong = Progress(0, ingested_through_ms=int((NOW + 20 * MINUTE).timestamp() * 1000))
    ledger.append(Batch(ROWS.empty_table()), {0: None}, {0: wrong})
    environment.topic.begin_transaction(0)
    consumer = StepConsumer(environment, eager=True)
    consumer.store_all()
    assert environment.positions[0] == 10
    assert through(environment) is None
    environment.topic.abort(0)
    consumer.store_all()
    assert is_current(environment)


def test_a_log_that_ends_below_the_position_proves_nothing(environment, consumer, monkeypatch):
    send(environment, 1, 2, 3)
    consumer.store_all()
    before = through(environment)
    environment.clock.advance(IDLE_SECONDS)
    monkeypatch.setattr(consumer.member, "watermarks", lambda _: {0: Watermarks(0, 1)})
    consumer.store_all()
    assert through(environment) == before


def test_without_the_right_to_the_clock_topic_hours_stay_open_and_one_line_says_so(
    environment, consumer, caplog
):
    environment.broker_clock.error = BrokerRefused("Refused: a message to topic t.clock.")
    for number in range(5):
        send(environment, number)
        consumer.store_all()
        environment.clock.advance(IDLE_SECONDS)
    assert environment.positions[0] == 5
    assert through(environment) is None
    assert source(consumer) == {"unknown"}
    (line,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert line.message.startswith("The time of the brokers is unknown: no hour becomes complete.")
    assert line.problem == "Refused: a message to topic t.clock."
    environment.broker_clock.error = None
    send(environment, 9)
    consumer.store_all()
    assert is_current(environment)
    assert source(consumer) == {"clock-topic"}


def test_without_the_clock_topic_the_append_times_of_messages_are_used(environment, caplog):
    environment.topic = MemoryTopic(1, append_clock=environment.clock)
    environment.broker_clock.error = BrokerRefused("no right")
    consumer = StepConsumer(environment, eager=True)
    send(environment, 1)
    consumer.store_all()
    sent_at = environment.clock.now()
    send(environment, 2)
    consumer.store_all()
    assert sent_at - SKEW <= through(environment) <= environment.clock.now() - SKEW
    assert source(consumer) == {"messages"}
    assert "the time of the brokers comes from the messages" in caplog.text


def test_a_clock_topic_that_does_not_answer_delays_no_commit(environment, consumer, caplog):
    send(environment, 1)
    consumer.store_all()
    environment.broker_clock.error = BrokerUnavailable("no leader")
    environment.clock.advance(RENEW_SECONDS)
    send(environment, 2)
    consumer.store_all()
    assert environment.stored == [(0, 0), (0, 1)]
    assert is_current(environment)
    assert "the time of the brokers is advanced from the last reading" in caplog.text
    assert consumer.health.readiness().ok
