"""The append stage against a real ledger: what is written when, and what is waited for."""

from typing import Literal

import pytest

from classwaves_ingestor.broker.memory import MemoryTopic
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.memory import MemoryWarehouse
from tests.support.events import wire
from tests.unit.ingestor.consumer.parts import BATCH_SECONDS, Consumer, World


class Faults:
    """Makes so many of the next commits fail, before or after they land."""

    def __init__(self) -> None:
        self.moment: Literal["before", "after"] = "before"
        self.left = 0
        self.tried = 0

    def __call__(self, moment: Literal["before", "after"]) -> None:
        self.tried += moment == "before"
        if self.left and moment == self.moment:
            self.left -= 1
            raise WarehouseUnavailable


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
def world(faults) -> World:
    return World(MemoryTopic(partitions=2), MemoryWarehouse(faults))


def send(world: World, partition: int, *numbers: int) -> None:
    for number in numbers:
        world.topic.produce(partition, wire(number=number))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_unavailable_warehouse_is_asked_again_until_the_batch_is_stored_once(
    world, faults, moment
):
    faults.moment, faults.left = moment, 1
    send(world, 0, 1, 2)
    world.topic.produce(1, b"bad")
    Consumer(world, eager=True).settle()
    assert world.stored == [(0, 0), (0, 1)]
    assert world.lettered == [(1, 0)]
    assert world.checkpoints[0].duplicates == 0
    assert world.position == {0: 2, 1: 1}


def test_a_long_outage_is_waited_for(world, faults):
    faults.left = 50
    send(world, 0, 1)
    Consumer(world, eager=True).settle()
    assert faults.tried == 51
    assert world.stored == [(0, 0)]


def test_an_outage_ends_the_wait_when_time_has_run_out(world, faults):
    faults.left = 50
    send(world, 0, 1)
    consumer = Consumer(world, eager=True)
    consumer.turn(3)
    consumer.abandon.set()
    world.clock.advance(BATCH_SECONDS)
    with pytest.raises(WarehouseUnavailable):
        consumer.turn(2)
    assert faults.tried == 1


def test_letters_are_written_before_rows_are_tried(world, faults):
    send(world, 0, 1)
    world.topic.produce(0, b"bad")
    seen: list[int] = []
    world.warehouse = MemoryWarehouse(lambda moment: seen.append(len(world.letters.letters)))
    Consumer(world, eager=True).settle()
    assert seen[:2] == [1, 1]


def test_letters_that_are_not_acknowledged_are_written_again_before_any_row(world):
    class Stumbling:
        def __init__(self) -> None:
            self.written: list[int] = []

        def write(self, letters) -> None:
            self.written.append(len(letters))
            assert world.stored == []
            if len(self.written) < 3:
                raise BrokerUnavailable

    world.letters = Stumbling()
    send(world, 0, 1)
    world.topic.produce(0, b"bad")
    Consumer(world, eager=True).settle()
    assert world.letters.written == [1, 1, 1]
    assert world.stored == [(0, 0)]


def test_of_a_batch_that_lost_one_partition_the_rest_is_stored(world):
    """A zombie of two partitions: another owner moved one of them while it was frozen."""
    send(world, 0, 1)
    send(world, 1, 2)
    zombie = Consumer(world)
    zombie.turn(2)
    zombie.thread.run_all()
    zombie.turn(2)
    world.clock.advance(BATCH_SECONDS)
    zombie.turn()
    world.topic.expel(zombie.member)
    rival = Consumer(world)
    rival.turn(2)
    rival.thread.run_all()
    rival.member.stop([1])
    rival.turn()
    rival.pipeline.withdrawn([1])
    world.clock.advance(BATCH_SECONDS)
    rival.turn()
    rival.thread.run_all()
    assert world.position == {0: 1}
    zombie.thread.run_all()
    assert world.position == {0: 1, 1: 1}
    assert world.stored == [(0, 0), (1, 0)]
    assert world.checkpoints[0].duplicates == 0
