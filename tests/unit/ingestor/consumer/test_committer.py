"""The commit stage on a memory ledger: order of writes, and retries."""

from collections.abc import Sequence
from typing import Literal

import pytest

from classwaves_ingestor.dead_letters.dead_letter import DeadLetter
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.kafka.memory import MemoryTopic
from classwaves_warehouse.errors import WarehouseRefused, WarehouseUnavailable
from classwaves_warehouse.interface import TableSize
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from classwaves_warehouse.offset_sums import NO_OFFSETS
from tests.support.events import wire
from tests.unit.ingestor.consumer.parts import BATCH_SECONDS, Environment, StepConsumer


class Faults:
    """Fails the next `left` commits, before or after they land."""

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
def environment(faults) -> Environment:
    return Environment(MemoryTopic(partitions=2), MemoryWarehouse(faults))


def send(environment: Environment, partition: int, *numbers: int) -> None:
    for number in numbers:
        environment.topic.produce(partition, wire(number=number))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_commit_is_retried_until_the_batch_is_stored_once(environment, faults, moment):
    faults.moment, faults.left = moment, 1
    send(environment, 0, 1, 2)
    environment.topic.produce(1, b"bad")
    StepConsumer(environment, eager=True).store_all()
    assert environment.stored == [(0, 0), (0, 1)]
    assert environment.dead_lettered == [(1, 0)]
    assert environment.checkpoints[0].duplicates == NO_OFFSETS
    assert environment.positions == {0: 2, 1: 1}


def test_a_long_outage_is_retried(environment, faults):
    faults.left = 50
    send(environment, 0, 1)
    StepConsumer(environment, eager=True).store_all()
    assert faults.tried == 51
    assert environment.stored == [(0, 0)]


def test_abandon_ends_the_retries_of_an_outage(environment, faults):
    faults.left = 50
    send(environment, 0, 1)
    consumer = StepConsumer(environment, eager=True)
    consumer.run(3)
    consumer.abandon.set()
    environment.clock.advance(BATCH_SECONDS)
    with pytest.raises(WarehouseUnavailable):
        consumer.run(2)
    assert faults.tried == 1


def test_dead_letters_are_written_before_rows(environment, faults):
    send(environment, 0, 1)
    environment.topic.produce(0, b"bad")
    seen: list[int] = []
    environment.warehouse = MemoryWarehouse(
        lambda moment: seen.append(len(environment.dead_letters.dead_letters))
    )
    StepConsumer(environment, eager=True).store_all()
    assert seen[:2] == [1, 1]


def test_dead_letters_are_made_and_written_in_parts_of_a_limited_size(environment, faults):
    """All of a batch at once would take several times the memory of their messages."""
    sizes: list[int] = []
    write = environment.dead_letters.write

    def record(dead_letters: Sequence[DeadLetter]) -> None:
        sizes.append(sum(each.bytes for each in dead_letters))
        write(dead_letters)

    environment.dead_letters.write = record
    for size in (100, 10, 60_000, 200, 30_000, 40_000):
        environment.topic.produce(0, b"x" * size)
    StepConsumer(environment, eager=True, dead_letter_bytes=50_000).store_all()
    assert environment.dead_lettered == [(0, offset) for offset in range(6)]
    assert [size > 50_000 for size in sizes] == [False, True, False, False]


def test_unacknowledged_dead_letters_are_written_again_before_any_row(environment):
    class RefusingTwice:
        def __init__(self) -> None:
            self.written: list[int] = []

        def write(self, dead_letters) -> None:
            self.written.append(len(dead_letters))
            assert environment.stored == []
            if len(self.written) < 3:
                raise BrokerUnavailable

    environment.dead_letters = RefusingTwice()
    send(environment, 0, 1)
    environment.topic.produce(0, b"bad")
    StepConsumer(environment, eager=True).store_all()
    assert environment.dead_letters.written == [1, 1, 1]
    assert environment.stored == [(0, 0)]


def test_a_batch_with_one_fenced_partition_stores_the_others(environment):
    """A zombie owns two partitions; another owner moved one of them meanwhile."""
    send(environment, 0, 1)
    send(environment, 1, 2)
    zombie = StepConsumer(environment)
    zombie.run(2)
    zombie.ledger_thread.run_all()
    zombie.run(2)
    environment.clock.advance(BATCH_SECONDS)
    zombie.run()
    environment.topic.expel(zombie.member)
    rival = StepConsumer(environment)
    rival.run(2)
    rival.ledger_thread.run_all()
    rival.member.stop([1])
    rival.run()
    rival.pipeline.on_revoked([1])
    environment.clock.advance(BATCH_SECONDS)
    rival.run()
    rival.ledger_thread.run_all()
    assert environment.positions == {0: 1}
    zombie.ledger_thread.run_all()
    assert environment.positions == {0: 1, 1: 1}
    assert environment.stored == [(0, 0), (1, 0)]
    assert environment.checkpoints[0].duplicates == NO_OFFSETS


@pytest.mark.parametrize(
    "failure",
    [
        WarehouseRefused("PERMISSION_DENIED: DESCRIBE HISTORY"),
        WarehouseUnavailable("away"),
        OSError("input/output error"),
    ],
)
def test_a_table_that_cannot_be_measured_is_logged_and_the_commit_counts(
    environment, monkeypatch, caplog, failure
):
    measured = 0

    def size() -> TableSize:
        nonlocal measured
        measured += 1
        raise failure

    monkeypatch.setattr(environment.warehouse.events, "size", size)
    consumer = StepConsumer(environment, eager=True)
    for number in (1, 2, 3):
        send(environment, 0, number)
        consumer.store_all()
    assert measured == 1, "once a minute, without retries"
    assert environment.positions[0] == environment.topic.committed_offsets[0] == 3
    assert consumer.health.readiness().ok
    assert [each.message for each in caplog.records if each.levelname == "WARNING"] == [
        "Cannot measure the table; its gauges keep their values"
    ]
    assert str(failure) in caplog.text
