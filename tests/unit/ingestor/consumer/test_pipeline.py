"""The stages together, one situation at a time."""

import pytest

from classwaves_ingestor.broker.memory import MemoryTopic
from classwaves_ingestor.consumer.backpressure import BackpressurePolicy
from classwaves_ingestor.consumer.microbatch import BatchPolicy
from classwaves_ingestor.dead_letters.limit import RejectLimit
from classwaves_ingestor.errors import BrokerUnavailable, MostMessagesBad
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import TopicRecreated
from tests.support.events import wire
from tests.unit.ingestor.consumer.parts import BATCH_SECONDS, Consumer, World


@pytest.fixture
def world() -> World:
    return World(MemoryTopic(partitions=2))


def send(world: World, partition: int, *numbers: int) -> None:
    for number in numbers:
        world.topic.produce(partition, wire(number=number))


def test_what_is_sent_is_stored_and_then_recorded_with_the_group(world):
    send(world, 0, 1, 2)
    send(world, 1, 3)
    consumer = Consumer(world, eager=True)
    consumer.settle()
    assert world.stored == [(0, 0), (0, 1), (1, 0)]
    assert world.position == world.topic.recorded == {0: 2, 1: 1}


def test_nothing_is_recorded_with_the_group_before_the_table_has_it(world):
    send(world, 0, 1)
    consumer = Consumer(world)
    consumer.turn(2)
    consumer.thread.run_all()
    consumer.turn(2)
    world.clock.advance(BATCH_SECONDS)
    consumer.turn(5)
    assert world.topic.recorded == {}
    consumer.thread.run_all()
    assert world.position[0] == 1
    consumer.turn()
    assert world.topic.recorded[0] == 1


def test_no_row_is_stored_while_a_dead_letter_is_not_acknowledged(world):
    class Away:
        def write(self, letters) -> None:
            raise BrokerUnavailable

    world.topic.produce(0, b"bad")
    send(world, 0, 1)
    letters, world.letters = world.letters, Away()
    consumer = Consumer(world, eager=True)
    consumer.abandon.set()
    with pytest.raises(BrokerUnavailable):
        consumer.settle()
    assert (world.stored, world.position, world.topic.recorded) == ([], {}, {})
    world.topic.expel(consumer.member)
    world.letters = letters
    Consumer(world, eager=True).settle()
    assert (world.stored, world.lettered, world.position[0]) == ([(0, 1)], [(0, 0)], 2)


def test_a_position_beyond_the_end_stops_its_partition_and_the_other_goes_on(world, caplog):
    send(world, 0, 1, 2, 3)
    send(world, 1, 4)
    first = Consumer(world, eager=True)
    first.settle()
    world.topic.expel(first.member)
    lost = MemoryTopic(
        partitions=2
    )  # a broker that came back without its last messages, and says it is the same
    world.topic = lost
    send(world, 0, 1)
    send(world, 1, 4, 5)
    Consumer(world, eager=True).settle()
    assert world.position == {0: 3, 1: 2}
    assert "partition 0 is stopped" in caplog.text
    assert "INGESTOR_GROUP" in caplog.text


def test_offsets_that_retention_took_before_they_were_read_are_holes_and_told_of(world, caplog):
    send(world, 0, 1, 2)
    first = Consumer(world, eager=True)
    first.settle()
    world.topic.expel(first.member)
    send(world, 0, 3, 4, 5)
    world.topic.expire(0, 4)
    Consumer(world, eager=True).settle()
    assert world.stored == [(0, 0), (0, 1), (0, 4)]
    assert world.checkpoints[0].holes == 2
    assert "offsets [2, 4) of partition 0 are gone" in caplog.text


def test_offsets_of_the_group_are_never_read_back(world):
    send(world, 0, 1, 2, 3)
    world.topic.recorded = {0: 3, 1: 99}
    Consumer(world, eager=True).settle()
    assert world.stored == [(0, 0), (0, 1), (0, 2)]


def test_a_recreated_topic_is_refused_before_anything_of_it_is_stored(world):
    consumer = Consumer(world, eager=True)
    send(world, 0, 1, 2)
    consumer.turn(3)
    world.topic.recreate()
    world.clock.advance(BATCH_SECONDS)
    with pytest.raises(TopicRecreated):
        consumer.turn(3)
    assert world.warehouse.events.size().rows == 0


def test_a_stream_that_is_mostly_bad_stops_the_consumer_before_a_letter_is_written(world):
    for _ in range(20):
        world.topic.produce(0, b"bad")
    consumer = Consumer(world, eager=True, limit=RejectLimit(ratio=0.5, messages=10))
    with pytest.raises(MostMessagesBad):
        consumer.settle()
    assert (world.lettered, world.position) == ([], {})


def test_a_slow_warehouse_pauses_intake_and_keeps_the_partitions(world):
    consumer = Consumer(
        world,
        batch=BatchPolicy(rows=2, bytes=10**9, seconds=1),
        budget=BackpressurePolicy(bytes=900, patience_seconds=0),
    )
    send(world, 0, 1, 2)
    consumer.turn(2)
    consumer.thread.run_all()
    consumer.turn()
    for number in range(3, 40):
        send(world, 0, number)
        consumer.turn()
        assert consumer.gathering.bytes < 3_000
    assert consumer.member.granted == {0, 1}
    assert world.stored == []
    for _ in range(100):
        consumer.thread.run_all()
        consumer.turn()
    assert world.stored == [(0, offset) for offset in range(39)]


def test_an_idle_partition_moves_its_time_on_once_a_minute_beside_a_busy_one(world):
    """Completeness is the least of all partitions: a busy one must not keep an idle one from telling its time."""
    consumer = Consumer(world, eager=True)
    consumer.settle()
    started = world.clock.monotonic()
    number = 0
    while world.clock.monotonic() - started < 130:
        number += 1
        send(world, 0, number)
        world.clock.advance(1)
        consumer.turn()
    behind = world.clock.now().timestamp() * 1000 - (world.checkpoints[1].stored_until_ms or 0)
    assert behind <= 75_000


def test_a_partition_that_another_owner_moved_is_read_on_from_where_that_one_left_it(world):
    """The group may think that it is ours while a zombie's commit lands."""
    consumer = Consumer(world, eager=True)
    consumer.settle()
    send(world, 0, 1, 2, 3, 4)
    other = world.warehouse.ledger(world.stream)
    other.append(Batch(ROWS.empty_table()), {0: world.position.get(0)}, {0: Progress(2, holes=2)})
    consumer.settle()
    consumer.settle()
    assert world.position[0] == 4
    assert world.stored == [(0, 2), (0, 3)]
    assert consumer.member.granted == {0, 1}


def test_draining_stores_what_was_taken_and_takes_nothing_new(world):
    send(world, 0, 1)
    consumer = Consumer(world, eager=True)
    consumer.turn(3)
    send(world, 0, 2)
    assert consumer.pipeline.drain(20, consumer.abandon)
    assert world.stored == [(0, 0)]
    assert world.topic.recorded[0] == 1


def test_a_drain_that_runs_out_of_time_says_so_and_ends_the_wait_for_the_warehouse(world):
    send(world, 0, 1)
    consumer = Consumer(world)
    consumer.turn(2)
    consumer.thread.run_all()
    consumer.turn(2)
    assert not consumer.pipeline.drain(0, consumer.abandon)
    assert consumer.abandon.is_set()
    consumer.pipeline.close()
    Consumer(world, eager=True).settle()
    assert world.stored == [(0, 0)]
