"""The pipeline on a real Kafka: transactions, rebalances, recreated topics, a slow warehouse."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition

from classwaves_ingestor.consumer.backpressure import BackpressurePolicy
from classwaves_ingestor.consumer.pipeline import POLL_MESSAGES
from classwaves_ingestor.dead_letters.kafka import KafkaDeadLetterWriter
from classwaves_ingestor.dead_letters.memory import MemoryDeadLetterWriter
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.kafka.range_reader import RangeReader
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.errors import TopicRecreated
from classwaves_warehouse.interface import PartitionRows, Stream
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from classwaves_warehouse.offset_sums import OffsetSums
from tests.integration.ingestor.consumer.live import LiveConsumer, run_until
from tests.integration.ingestor.kafka.kafka_topic import SECONDS, KafkaTopic
from tests.support import events
from tests.support.events import wire

EVENTS = 400


class Gate:
    """Blocks every commit before it lands, until `open` is set."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()

    def __call__(self, moment: str) -> None:
        if moment == "before":
            self.reached.set()
            assert self.open.wait(SECONDS)


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def warehouse(gate) -> MemoryWarehouse:
    return MemoryWarehouse(gate)


@pytest.fixture
def dead_letters() -> MemoryDeadLetterWriter:
    return MemoryDeadLetterWriter()


@pytest.fixture
def topic(kafka, topic_name) -> KafkaTopic:
    return KafkaTopic(kafka.bootstrap_servers, topic_name)


@pytest.fixture
def join(topic, warehouse, dead_letters, gate) -> Iterator[Callable[..., LiveConsumer]]:
    consumers: list[LiveConsumer] = []

    def joined(**changes: object) -> LiveConsumer:
        consumers.append(LiveConsumer(topic, warehouse, dead_letters, **changes))
        return consumers[-1]

    yield joined
    gate.open.set()
    for consumer in consumers:
        consumer.close()


def checkpoints(topic: KafkaTopic, warehouse: MemoryWarehouse) -> dict[int, Checkpoint]:
    return dict(warehouse.ledger(Stream(topic.group, topic.name, topic.topic_id)).checkpoints())


def check_offsets(topic: KafkaTopic, warehouse: MemoryWarehouse) -> None:
    """Every offset below a position is a row, a duplicate, a dead letter or a hole, once."""
    found = checkpoints(topic, warehouse)
    stream = Stream(topic.group, topic.name, topic.topic_id)
    stored = warehouse.events.partition_rows(stream, found)
    for partition, each in found.items():
        rows = stored.get(partition, PartitionRows()).rows
        counted = rows + each.duplicates + each.dead_letters + each.holes
        assert counted == OffsetSums.of_range(each.first_offset, each.position), partition


def rows(warehouse: MemoryWarehouse) -> int:
    return warehouse.events.size().rows


def at_the_end(topic: KafkaTopic, warehouse: MemoryWarehouse, partitions: int) -> bool:
    positions = {
        partition: each.position for partition, each in checkpoints(topic, warehouse).items()
    }
    return positions == {partition: topic.end(partition) for partition in range(partitions)}


def send(topic: KafkaTopic, partition: int, *numbers: int) -> None:
    topic.produce(partition, [wire(number=number) for number in numbers])


def test_transactions_leave_holes_and_nothing_aborted_is_stored(topic, warehouse, join):
    send(topic, 0, 1)
    topic.leave_a_hole(0)
    send(topic, 0, 2)
    topic.leave_a_hole(0)
    run_until(lambda: at_the_end(topic, warehouse, 1), join())
    assert rows(warehouse) == 2
    assert checkpoints(topic, warehouse)[0].holes.count == 6
    check_offsets(topic, warehouse)


def test_rebalances_under_load_store_every_event_once(topic, warehouse, dead_letters, join):
    consumers, sent = [join()], 0

    def more() -> None:
        nonlocal sent
        for partition in (0, 1):
            # Both partitions have the same identities.
            send(topic, partition, *range(sent + 1, sent + EVENTS + 1))
            topic.produce(partition, [b"bad"])
        sent += EVENTS

    more()
    run_until(lambda: rows(warehouse) > 0, *consumers)
    consumers.append(join())
    more()
    run_until(lambda: rows(warehouse) > EVENTS, *consumers)
    consumers.append(join())
    more()
    run_until(lambda: at_the_end(topic, warehouse, 2), *consumers)
    consumers.pop(0).close()
    more()
    run_until(lambda: at_the_end(topic, warehouse, 2), *consumers)
    assert rows(warehouse) == sent
    assert warehouse.events.repeated(1)[0] == 0
    assert {dict(each.headers)["dead-letter-reason"] for each in dead_letters.dead_letters} == {
        b"not_json"
    }
    check_offsets(topic, warehouse)


def test_a_position_beyond_the_end_stops_its_partition_and_the_other_continues(
    topic, warehouse, join, caplog
):
    ledger = warehouse.ledger(Stream(topic.group, topic.name, topic.topic_id))
    ledger.append(
        Batch(ROWS.empty_table()), {0: None}, {0: Progress(50, holes=OffsetSums.of_range(0, 50))}
    )
    send(topic, 0, 1)
    send(topic, 1, 2, 3)
    run_until(lambda: rows(warehouse) == 2, join())
    assert checkpoints(topic, warehouse)[0].position == 50
    assert "Stopped partition 0" in caplog.text


@pytest.mark.parametrize("wrong", [0, 2, 10**6])
def test_changed_group_offsets_have_no_effect(topic, warehouse, join, wrong):
    send(topic, 0, 1, 2, 3)
    first = join()
    run_until(lambda: topic.committed_offset(0) == 3, first)
    first.close()
    changed = [ConsumerGroupTopicPartitions(topic.group, [TopicPartition(topic.name, 0, wrong)])]
    topic.admin.alter_consumer_group_offsets(changed)[topic.group].result(SECONDS)
    assert topic.committed_offset(0) == wrong
    send(topic, 0, 4, 5)
    run_until(lambda: topic.committed_offset(0) == 5, join())
    assert rows(warehouse) == 5
    check_offsets(topic, warehouse)


def test_a_group_with_deleted_offsets_continues_from_the_position_in_the_table(
    topic, warehouse, join
):
    send(topic, 0, 1, 2, 3)
    first = join()
    run_until(lambda: topic.committed_offset(0) == 3, first)
    first.close()
    topic.admin.delete_consumer_groups([topic.group])[topic.group].result(SECONDS)
    send(topic, 0, 4)
    run_until(lambda: topic.committed_offset(0) == 4, join())
    assert rows(warehouse) == 4
    assert checkpoints(topic, warehouse)[0].duplicates.count == 0


def test_a_topic_that_is_recreated_under_a_running_consumer_is_refused(topic, warehouse, join):
    send(topic, 0, 1, 2)
    consumer = join()
    run_until(lambda: topic.committed_offset(0) == 2, consumer)
    topic.recreate()
    send(topic, 0, 3, 4, 5)
    with pytest.raises(TopicRecreated):
        run_until(lambda: False, consumer)
    with pytest.raises(TopicRecreated):
        run_until(lambda: False, join())
    assert rows(warehouse) == 2


def test_two_partitioners_and_added_partitions_store_each_event_once(topic, warehouse, join):
    consumers = [join(), join()]
    run_until(lambda: all(each.member.end_offsets() for each in consumers), *consumers)
    for partitioner in ("consistent_random", "murmur2_random"):
        producer = Producer(
            {**topic.options, "partitioner": partitioner}, logger=logging.getLogger(__name__)
        )
        for session in range(40):
            for number in (1, 2, 3):
                value = wire(session=session, number=number)
                producer.produce(topic.name, value, key=events.session_id(session))
        assert producer.flush(SECONDS) == 0
        topic.add_partition()
    send(topic, 3, 4)
    run_until(lambda: rows(warehouse) == 121 and at_the_end(topic, warehouse, 4), *consumers)
    assert warehouse.events.repeated(1)[0] == 0
    assert sum(each.duplicates.count for each in checkpoints(topic, warehouse).values()) == 120
    check_offsets(topic, warehouse)


def test_a_blocked_warehouse_keeps_the_membership_and_bounds_memory(topic, warehouse, gate, join):
    budget = 200_000
    gate.open.clear()
    consumer = join(budget=BackpressurePolicy(bytes=budget, patience_seconds=0.3))
    send(topic, 0, 1)
    run_until(gate.reached.is_set, consumer)
    send(topic, 0, *range(2, 8000))
    on_revoked: list[object] = []
    consumer.pipeline.on_revoked = on_revoked.append
    held = [consumer.pipeline.held_bytes]
    silent_until = time.monotonic() + 4.5  # the group expels a member after 3 s without a poll
    while time.monotonic() < silent_until:
        consumer.pipeline.run_once()
        held.append(consumer.pipeline.held_bytes)
    assert on_revoked == []
    assert budget < max(held) < budget + POLL_MESSAGES * 1000, (
        "the budget is exceeded by at most one poll"
    )
    assert held[-1] == held[-10], "nothing more is polled"
    del consumer.pipeline.on_revoked
    gate.open.set()
    run_until(lambda: rows(warehouse) == 7999, consumer)
    check_offsets(topic, warehouse)


def test_nothing_is_committed_while_no_dead_letter_is_acknowledged(
    topic, topic_name, warehouse, kafka
):
    """A compacted topic refuses messages without a key until its cleanup policy changes."""
    name = f"{topic_name}.dead-letters"
    refusing = KafkaTopic(
        kafka.bootstrap_servers, name, partitions=1, **{"cleanup.policy": "compact"}
    )
    written: list[str] = []

    class RecordingWriter(KafkaDeadLetterWriter):
        def write(self, dead_letters) -> None:
            try:
                super().write(dead_letters)
            except BrokerUnavailable:
                written.append("refused")
                raise
            written.append("acknowledged")

    consumer = LiveConsumer(topic, warehouse, RecordingWriter(topic.options, name, 1_000_000))
    topic.produce(0, [b"bad", wire(number=1)])
    run_until(lambda: len(written) >= 2, consumer)
    assert set(written) == {"refused"}
    assert rows(warehouse) == 0
    assert checkpoints(topic, warehouse) == {}
    refusing.set("cleanup.policy", "delete")
    run_until(lambda: topic.committed_offset(0) == 2, consumer)
    assert written[-1] == "acknowledged"
    assert refusing.end(0) >= 1
    assert rows(warehouse) == 1
    check_offsets(topic, warehouse)
    consumer.close()


@pytest.mark.parametrize("failures", [0, 2])
def test_a_header_name_that_is_not_utf8_costs_only_the_headers_of_its_dead_letter(
    topic, topic_name, warehouse, kafka, failures
):
    """The client fails at the first read of such headers, and returns null pointers at the next."""
    name = f"{topic_name}.dead-letters"
    destination = KafkaTopic(kafka.bootstrap_servers, name, partitions=1)
    left = failures

    class Interrupted(KafkaDeadLetterWriter):
        def write(self, dead_letters) -> None:
            nonlocal left
            if left:
                left -= 1
                raise BrokerUnavailable
            super().write(dead_letters)

    writer = Interrupted(topic.options, name, 1_000_000)
    send(topic, 0, 1, 2)
    headers = [(b"trace", b"1"), (b"zur\xfcck", b"2"), (b"after", None)]
    topic.produce_raw(0, b"\x00bad", b"\xffkey", headers)
    topic.produce_raw(0, wire(number=3), None, headers)
    send(topic, 0, 4)
    with closing(LiveConsumer(topic, warehouse, writer)) as consumer:
        run_until(lambda: at_the_end(topic, warehouse, 1), consumer)
    assert rows(warehouse) == 4
    check_offsets(topic, warehouse)
    reader = RangeReader(topic.options)
    (written,) = reader.read(name, 0, range(1))
    reader.close()
    found = dict(written.headers())
    assert (written.key(), written.value()) == (b"\xffkey", b"\x00bad")
    assert (found["dead-letter-reason"], found["dead-letter-offset"]) == (b"not_json", b"2")
    assert found["dead-letter-headers-omitted"] == b"true"
    assert found.keys().isdisjoint({"trace", "after"})
    assert destination.end(0) == 1
