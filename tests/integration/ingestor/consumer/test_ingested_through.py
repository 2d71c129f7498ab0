"""The time through which a consumer on a real Kafka has ingested its partitions."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from classwaves_ingestor.consumer import pipeline
from classwaves_ingestor.dead_letters.memory import MemoryDeadLetterWriter
from classwaves_runtime.clock import SystemClock
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from tests.integration.ingestor.consumer.live import LiveConsumer, run_until
from tests.integration.ingestor.kafka.kafka_topic import KafkaTopic
from tests.support.events import NOW, wire

APPEND_TIME = {"message.timestamp.type": "LogAppendTime"}


class WrongClock(SystemClock):
    """A clock whose time of day is ahead."""

    def __init__(self, ahead: timedelta = timedelta()) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return super().now() + self.ahead


class Ingestion:
    """A topic, its table and one consumer."""

    def __init__(self, topic: KafkaTopic, warehouse: MemoryWarehouse) -> None:
        self.topic = topic
        self.warehouse = warehouse
        self.stream = Stream(topic.group, topic.name, topic.topic_id)
        self._numbers = count(1)

    def send(self, partition: int, events: int = 1) -> None:
        values = [wire(number=next(self._numbers)) for _ in range(events)]
        self.topic.produce(partition, values)

    def through(self, partition: int) -> datetime | None:
        store = self.warehouse.rollup()
        return store.ingested_through(self.topic.group, self.topic.name).get(partition)

    def is_past(self, partition: int, moment: datetime) -> bool:
        through = self.through(partition)
        return through is not None and through > moment

    def lag(self, partition: int) -> int:
        checkpoints = self.warehouse.ledger(self.stream).checkpoints()
        return self.topic.end(partition) - checkpoints[partition].position


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def ingestion(kafka, topic_name) -> Ingestion:
    KafkaTopic(kafka.bootstrap_servers, f"{topic_name}.clock", partitions=1, **APPEND_TIME)
    return Ingestion(KafkaTopic(kafka.bootstrap_servers, topic_name), MemoryWarehouse())


@pytest.fixture
def join() -> Iterator[Callable[..., LiveConsumer]]:
    consumers: list[LiveConsumer] = []

    def joined(ingestion: Ingestion, **changes: object) -> LiveConsumer:
        consumers.append(
            LiveConsumer(
                ingestion.topic,
                ingestion.warehouse,
                MemoryDeadLetterWriter(),
                idle_commit_seconds=0.3,
                **changes,
            )
        )
        return consumers[-1]

    yield joined
    for consumer in consumers:
        consumer.close()


def test_a_consumer_whose_clock_is_20_minutes_ahead_completes_nothing_early(ingestion, join):
    consumer = join(ingestion, clock=WrongClock(timedelta(minutes=20)))
    for _ in range(3):
        sent_at = now()
        ingestion.send(0)
        run_until(lambda moment=sent_at: ingestion.is_past(0, moment), consumer)
        assert ingestion.through(0) < now()


def test_a_consumer_whose_clock_is_set_back_continues_to_complete_hours(ingestion, join):
    clock = WrongClock(timedelta(hours=1))
    consumer = join(ingestion, clock=clock)
    ingestion.send(0)
    run_until(lambda: ingestion.through(0) is not None, consumer)
    clock.ahead = timedelta()
    set_back_at = now()
    run_until(lambda: ingestion.is_past(0, set_back_at), consumer)
    assert ingestion.through(0) < now()


def test_the_time_of_a_consumer_whose_clock_was_ahead_is_corrected(ingestion, join):
    wrong = Progress(0, ingested_through_ms=int((now() + timedelta(days=1)).timestamp() * 1000))
    ledger = ingestion.warehouse.ledger(ingestion.stream)
    ledger.append(Batch(ROWS.empty_table()), {0: None}, {0: wrong})
    assert ingestion.through(0) > now()
    consumer = join(ingestion)
    run_until(lambda: ingestion.is_past(0, NOW) and ingestion.through(0) < now(), consumer)


def test_an_open_transaction_holds_the_time_until_it_ends(ingestion, join):
    ingestion.send(0)
    abort = ingestion.topic.begin_transaction(0)
    opened_at = now()
    ingestion.send(0)
    consumer = join(ingestion)
    run_until(
        lambda: ingestion.is_past(1, opened_at + timedelta(seconds=3)), consumer
    )  # partition 1 shows that ten commits have passed
    assert not ingestion.is_past(0, opened_at)
    abort()
    run_until(lambda: ingestion.is_past(0, opened_at), consumer)


def test_the_time_advances_behind_a_steady_lag(ingestion, join, monkeypatch):
    monkeypatch.setattr(pipeline, "POLL_MESSAGES", 20)
    consumer = join(ingestion)
    run_until(lambda: ingestion.through(0) is not None, consumer)
    ingestion.send(0, 400)
    found = set()

    def advanced() -> bool:
        ingestion.send(0, 20)
        found.add(ingestion.through(0))
        assert ingestion.lag(0) > 100
        return len(found) > 5

    run_until(advanced, consumer)
    assert max(found) < now()


@pytest.mark.parametrize("append_time", [True, False])
def test_without_a_clock_topic_the_time_comes_from_messages_or_is_unknown(
    kafka, topic_name, join, caplog, append_time
):
    config = APPEND_TIME if append_time else {}
    topic = KafkaTopic(kafka.bootstrap_servers, topic_name, **config)
    ingestion = Ingestion(topic, MemoryWarehouse())
    consumer = join(ingestion, clock=WrongClock(timedelta(minutes=20)))
    began_at = now()
    for _ in range(3):
        ingestion.send(0)
        end = topic.end(0)
        run_until(lambda end=end: topic.committed_offset(0) == end, consumer)
    if append_time:
        run_until(lambda: ingestion.is_past(1, began_at), consumer)
        assert ingestion.through(0) < now()
    else:
        assert ingestion.through(0) is ingestion.through(1) is None
    warning = (
        "The clock topic was not read; the time of the brokers comes from the messages"
        if append_time
        else "The time of the brokers is unknown: no hour becomes complete"
    )
    (line,) = (each for each in caplog.records if each.message.startswith(warning))
    assert f"{topic_name}.clock" in line.problem
    assert "ingestor topics create" in line.problem
