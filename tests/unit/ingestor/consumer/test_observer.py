from datetime import timedelta

import pytest

from classwaves_ingestor import catalogue
from classwaves_ingestor.broker.memory import MemoryTopic
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_warehouse.errors import WarehouseUnavailable, WarehouseWarming
from tests.support.events import BAD, NOW, wire
from tests.unit.ingestor.consumer.parts import Consumer, World


@pytest.fixture
def world():
    return World(MemoryTopic(partitions=2))


@pytest.fixture
def consumer(world):
    consumer = Consumer(world, eager=True)
    consumer.turn(2)
    return consumer


def measured(consumer, metric, **labels):
    name = metric.name
    return consumer.registry.get_sample_value(
        name, {key: str(value) for key, value in labels.items()}
    )


def test_each_message_is_counted_as_what_became_of_it(world, consumer):
    world.topic.produce(0, wire("ended", number=1))
    world.topic.produce(0, wire("ended", number=1))
    world.topic.produce(0, wire("ended", number=1, teacher_id="another"))
    world.topic.produce(0, wire("ended", number=1, payload={"reason": "other"}))
    world.topic.skip(0, 3)
    for value in BAD.values():
        world.topic.produce(1, value)
    consumer.settle()
    assert measured(consumer, catalogue.RECEIVED) == 4 + len(BAD)
    assert measured(consumer, catalogue.STORED) == 1
    assert measured(consumer, catalogue.DUPLICATES, partition=0) == 3
    assert measured(consumer, catalogue.CONFLICTING, partition=0) == 1
    assert measured(consumer, catalogue.HOLES, partition=0) == 3
    for reason in BAD:
        assert measured(consumer, catalogue.DEAD_LETTERED, reason=reason.value) == 1


def test_fields_left_out_are_counted_by_a_declared_path_and_never_by_their_own_name(
    world, consumer
):
    world.topic.produce(
        0, wire("ended", number=1, payload={"teacherNotes": "Maya", "mood": "tired"})
    )
    consumer.settle()
    assert measured(consumer, catalogue.DROPPED_FIELDS, path="payload") == 2


def test_lag_is_what_lies_between_the_stored_position_and_the_end(world, consumer):
    for number in range(1, 6):
        world.topic.produce(
            0, wire("ended", number=number), timestamp_ms=int(NOW.timestamp() * 1000)
        )
    consumer.settle()
    world.topic.produce(0, wire("ended", number=6))
    world.clock.advance(30)
    consumer.thread.eager = False
    consumer.turn()
    assert measured(consumer, catalogue.END_OFFSET, partition=0) == 6
    assert measured(consumer, catalogue.STORED_POSITION, partition=0) == 5
    assert measured(consumer, catalogue.LAG, partition=0) == 1
    assert measured(consumer, catalogue.LAG_SECONDS, partition=0) == pytest.approx(
        (world.clock.now() - NOW).total_seconds()
    )


def test_nothing_is_said_of_partitions_that_are_somebody_elses_now(world, consumer):
    for partition in (0, 1):
        world.topic.produce(partition, wire("ended", session=partition, number=1))
    consumer.settle()
    world.clock.advance(1)
    consumer.turn()
    assert measured(consumer, catalogue.LAG, partition=1) == 0
    other = Consumer(world, eager=True)
    other.turn(2)
    world.clock.advance(2)
    consumer.turn(2)
    assert measured(consumer, catalogue.LAG, partition=1) is None
    assert measured(consumer, catalogue.LAG, partition=0) == 0


def test_an_event_is_late_when_its_hour_has_been_rolled_up_already(world, consumer):
    minute_5 = NOW.replace(minute=5) + timedelta(hours=1)
    world.clock.advance((minute_5 - world.clock.now()).total_seconds() - 10)
    world.topic.produce(0, wire("ended", number=1, event_time=NOW.isoformat()))
    consumer.settle()
    assert measured(consumer, catalogue.LATE) == 0
    world.clock.advance(10)
    world.topic.produce(0, wire("ended", number=2, event_time=NOW.isoformat()))
    consumer.settle()
    assert measured(consumer, catalogue.LATE) == 1


def test_a_gap_in_a_source_is_seen_as_it_passes(world, consumer):
    for sequence in (1, 4, 3):
        world.topic.produce(0, wire("ended", number=sequence, source="a:1", sequence=sequence))
    consumer.settle()
    assert measured(consumer, catalogue.SKIPPED_SEQUENCES) == 2
    assert measured(consumer, catalogue.OUT_OF_ORDER) == 1


def test_a_warehouse_that_is_starting_up_shows_until_it_answers(world):
    consumer = Consumer(world)
    consumer.observer.waiting(WarehouseWarming("starting up"))
    assert consumer.health.readiness().reasons["warehouse"] == "starting up"
    assert measured(consumer, catalogue.WARMING) == 1
    consumer.observer.waiting(WarehouseUnavailable("away"))
    assert measured(consumer, catalogue.WARMING) == 0
    consumer.observer.waiting(WarehouseWarming("starting up"))
    consumer.observer.answered()
    assert measured(consumer, catalogue.WARMING) == 0


def test_a_consumer_is_ready_once_it_knows_its_positions_and_unready_while_it_waits(world):
    consumer = Consumer(world)
    assert not consumer.health.readiness().ok
    consumer.turn(2)
    consumer.thread.run_all()
    consumer.turn()
    assert consumer.health.readiness().ok
    consumer.observer.waiting(WarehouseUnavailable("cold"))
    consumer.observer.waiting(BrokerUnavailable("away"))
    assert consumer.health.readiness().reasons == {"warehouse": "cold", "broker": "away"}
    assert measured(consumer, catalogue.RETRIES, cause="warehouse") == 1
    world.topic.produce(0, wire("ended", number=1))
    consumer.thread.eager = True
    consumer.settle()
    assert consumer.health.readiness().ok


def test_a_consumer_that_stands_by_without_partitions_is_ready():
    world = World(MemoryTopic(partitions=1))
    first, second = Consumer(world, eager=True), Consumer(world, eager=True)
    first.turn(2)
    second.turn(2)
    second.pipeline.granted([])
    assert second.health.readiness().ok


def test_the_table_is_measured_when_something_is_stored(world, consumer):
    world.topic.produce(0, wire("ended", number=1))
    consumer.settle()
    world.clock.advance(60)
    world.topic.produce(0, wire("ended", number=2))
    consumer.settle()
    assert measured(consumer, catalogue.TABLE_FILES) == world.warehouse.events.size().files
