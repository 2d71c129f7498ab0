"""Hostile messages: each one is stored, a repeat or a dead letter, and none affects another."""

from datetime import UTC, datetime
from itertools import islice

import pytest
from confluent_kafka import Producer

from classwaves_schemas.validation import explain
from tests.support.hostile import HostileMessage, hostile
from tests.support.raw_producer import produce_raw
from tests.support.topic_reader import dead_letter_reasons

_PARTITIONS = 4


class HostileProducer:
    """Sends messages to given partitions, and remembers which of them the contract refuses."""

    def __init__(self, servers: str, topic: str) -> None:
        self._servers = servers
        self._topic = topic
        self._producer = Producer({"bootstrap.servers": servers, "linger.ms": 5})
        self.refused: set[tuple[int, int]] = set()
        self.sent = 0

    def send(self, message: HostileMessage, partition: int) -> None:
        refused = explain(message.value, datetime.now(UTC)) is not None

        def sent(offset: int) -> None:
            self.sent += 1
            if refused:
                self.refused.add((partition, offset))

        if message.is_raw:
            self._producer.flush()
            sent(
                produce_raw(
                    self._servers,
                    self._topic,
                    partition,
                    message.value,
                    message.key,
                    message.headers,
                )
            )
            return

        def on_delivery(error, report) -> None:
            assert error is None, error
            sent(report.offset())

        self._producer.produce(
            self._topic,
            message.value,
            message.key,
            partition,
            on_delivery,
            headers=[(name.decode(), value) for name, value in message.headers],
        )
        self._producer.poll(0)

    def flush(self) -> None:
        assert self._producer.flush(120) == 0


@pytest.mark.parametrize(
    "messages", [20_000, pytest.param(200_000, marks=pytest.mark.soak)], ids=["20k", "200k"]
)
def test_every_hostile_message_is_accounted_for(scenario, messages):
    settings = scenario.environment.settings
    producer = HostileProducer(settings.kafka["bootstrap.servers"], scenario.topic)
    consumer = scenario.consumer(DEAD_LETTER_LIMIT="1")
    for number, message in enumerate(islice(hostile(seed=messages), messages)):
        producer.send(message, number % _PARTITIONS)
    producer.flush()
    scenario.wait_until_stored()
    code, found = scenario.verify("--deep")
    total = found["total"]
    assert (total["missing"], total["twice"], total["in_flight"], code) == (0, 0, 0, 0), found
    assert total["sent"] == producer.sent == messages
    assert total["stored"] + total["duplicates"] + total["dead_lettered"] == messages
    letters = dead_letter_reasons(
        settings.kafka["bootstrap.servers"], settings.dead_letter_topic, scenario.topic_id()
    )
    assert letters.keys() == producer.refused
    assert total["stored"] > messages / 10
    assert total["dead_lettered"] > messages / 10
    assert consumer.code is None
    assert "Traceback" not in consumer.log.read_text()
