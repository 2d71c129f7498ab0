"""The stages together, one situation at a time."""

import pytest

from classwaves_ingestor.consumer.backpressure import BackpressurePolicy
from classwaves_ingestor.consumer.micro_batch import BatchPolicy
from classwaves_ingestor.consumer.pipeline import LOOK_AGAIN_SECONDS
from classwaves_ingestor.dead_letters.limit import RejectLimit
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.kafka.memory import MemoryTopic
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Progress, StopReason
from classwaves_warehouse.errors import TopicRecreated, WarehouseUnavailable
from classwaves_warehouse.memory.ledger import MemoryLedger
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from classwaves_warehouse.offset_sums import OffsetSums
from tests.support.events import wire
from tests.unit.ingestor.consumer.messages import decoded, good
from tests.unit.ingestor.consumer.parts import BATCH_SECONDS, Environment, StepConsumer


@pytest.fixture
def environment() -> Environment:
    return Environment(MemoryTopic(partitions=2))


def send(environment: Environment, partition: int, *numbers: int) -> None:
    for number in numbers:
        environment.topic.produce(partition, wire(number=number))


def test_messages_are_stored_and_then_the_group_offsets_are_committed(environment):
    send(environment, 0, 1, 2)
    send(environment, 1, 3)
    consumer = StepConsumer(environment, eager=True)
    consumer.store_all()
    assert environment.stored == [(0, 0), (0, 1), (1, 0)]
    assert environment.positions == environment.topic.committed_offsets == {0: 2, 1: 1}


def test_no_group_offset_is_committed_before_the_table_commit(environment):
    send(environment, 0, 1)
    consumer = StepConsumer(environment)
    consumer.run(2)
    consumer.ledger_thread.run_all()
    consumer.run(2)
    environment.clock.advance(BATCH_SECONDS)
    consumer.run(5)
    assert environment.topic.committed_offsets == {}
    consumer.ledger_thread.run_all()
    assert environment.positions[0] == 1
    consumer.run()
    assert environment.topic.committed_offsets[0] == 1


def test_no_row_is_stored_before_the_dead_letters_are_acknowledged(environment):
    class Unavailable:
        def write(self, dead_letters) -> None:
            raise BrokerUnavailable

    environment.topic.produce(0, b"bad")
    send(environment, 0, 1)
    dead_letters, environment.dead_letters = environment.dead_letters, Unavailable()
    consumer = StepConsumer(environment, eager=True)
    consumer.abandon.set()
    with pytest.raises(BrokerUnavailable):
        consumer.store_all()
    assert (environment.stored, environment.positions, environment.topic.committed_offsets) == (
        [],
        {},
        {},
    )
    environment.topic.expel(consumer.member)
    environment.dead_letters = dead_letters
    StepConsumer(environment, eager=True).store_all()
    assert (environment.stored, environment.dead_lettered, environment.positions[0]) == (
        [(0, 1)],
        [(0, 0)],
        2,
    )


def test_a_position_beyond_the_end_stops_only_its_partition(environment, caplog):
    send(environment, 0, 1, 2, 3)
    send(environment, 1, 4)
    first = StepConsumer(environment, eager=True)
    first.store_all()
    environment.topic.expel(first.member)
    # The broker lost its newest messages; the topic id is unchanged.
    environment.topic = MemoryTopic(partitions=2)
    send(environment, 0, 1)
    send(environment, 1, 4, 5)
    StepConsumer(environment, eager=True).store_all()
    assert environment.positions == {0: 3, 1: 2}
    assert caplog.text.count("Stopped partition 0: the log ends at offset 1, below position 3") == 1
    assert environment.checkpoints[0].stopped is StopReason.LOG_ENDS_BELOW_POSITION


def test_a_log_that_lost_its_tail_and_grew_again_stops_its_partition(environment, caplog):
    send(environment, 0, 1, 2, 3)
    consumer = StepConsumer(environment, eager=True)
    consumer.store_all()
    environment.topic.lose_tail(0, 1)
    send(environment, 0, *range(10, 20))
    send(environment, 1, 4)
    consumer.store_all()
    consumer.store_all()
    assert environment.stored == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert environment.checkpoints[0].stopped is StopReason.LOG_LOST_ITS_TAIL
    assert "brokers lost messages before position 3" in caplog.text
    environment.clock.advance(1)
    consumer.run()
    assert "wrote others in their place" in consumer.health.readiness().reasons["partition 0"]
    assert consumer.registry.get_sample_value("ingestor_stopped_partitions") == 1


def test_a_consumer_that_starts_after_the_log_grew_again_stops_too(environment):
    send(environment, 0, 1, 2, 3)
    first = StepConsumer(environment, eager=True)
    first.store_all()
    environment.topic.expel(first.member)
    environment.topic.lose_tail(0, 1)
    send(environment, 0, *range(10, 20))
    StepConsumer(environment, eager=True).store_all()
    assert environment.checkpoints[0].stopped is StopReason.LOG_LOST_ITS_TAIL
    assert environment.positions[0] == 3


def test_a_stopped_partition_goes_on_once_its_position_returned_to_where_the_log_parted(
    environment, caplog
):
    send(environment, 0, 1, 2, 3)
    consumer = StepConsumer(environment, eager=True)
    consumer.store_all()
    environment.topic.lose_tail(0, 1)
    send(environment, 0, *range(10, 20))
    consumer.store_all()
    consumer.store_all()
    rewind = {0: Progress(1, superseded=range(1, 3))}
    environment.warehouse.ledger(environment.stream).append(
        Batch(ROWS.empty_table()), {0: 3}, rewind
    )
    environment.clock.advance(LOOK_AGAIN_SECONDS)
    consumer.store_all()
    environment.clock.advance(1)
    consumer.run()
    assert environment.positions[0] == 11
    assert environment.checkpoints[0].stopped is None
    assert consumer.health.readiness().ok
    assert environment.warehouse.events.size().rows == 13
    assert caplog.text.count("Stopped partition 0") == 1


def test_a_corrupt_batch_stops_its_partition_and_keeps_what_precedes_it(environment, caplog):
    send(environment, 0, 1, 2, 3, 4)
    send(environment, 1, 5)
    environment.topic.corrupt(0, 2)
    consumer = StepConsumer(environment, eager=True)
    consumer.store_all()
    consumer.store_all()
    assert environment.stored == [(0, 0), (0, 1), (1, 0)]
    assert environment.checkpoints[0].stopped is StopReason.CORRUPT_BATCH
    assert "the batch at or after offset" in consumer.health.readiness().reasons["partition 0"]
    for _ in range(4):
        environment.clock.advance(LOOK_AGAIN_SECONDS)
        consumer.run(3)
    assert caplog.text.count("Stopped partition 0") == 1
    environment.topic.expire(0, 3)
    environment.clock.advance(LOOK_AGAIN_SECONDS)
    consumer.store_all()
    assert environment.stored == [(0, 0), (0, 1), (0, 3), (1, 0)]
    assert environment.checkpoints[0].expired == OffsetSums.of([2])
    assert environment.checkpoints[0].stopped is None
    environment.clock.advance(1)
    consumer.run()
    assert consumer.health.readiness().ok


def test_the_stop_of_a_partition_that_moves_away_is_no_concern_of_its_former_owner(environment):
    send(environment, 0, 1)
    environment.topic.corrupt(0, 0)
    consumer = StepConsumer(environment, eager=True)
    consumer.store_all()
    environment.clock.advance(1)
    consumer.run()
    assert not consumer.health.readiness().ok
    consumer.pipeline.on_revoked([0])
    environment.clock.advance(1)
    consumer.run()
    assert consumer.health.readiness().ok


def test_offsets_that_retention_deleted_unread_are_logged_and_counted_as_expired(
    environment, caplog
):
    send(environment, 0, 1, 2)
    first = StepConsumer(environment, eager=True)
    first.store_all()
    environment.topic.expel(first.member)
    send(environment, 0, 3, 4, 5)
    environment.topic.expire(0, 4)
    StepConsumer(environment, eager=True).store_all()
    assert environment.stored == [(0, 0), (0, 1), (0, 4)]
    assert environment.checkpoints[0].expired == OffsetSums.of([2, 3])
    assert "deleted offsets [2, 4) of partition 0" in caplog.text


def test_group_offsets_are_never_read(environment):
    send(environment, 0, 1, 2, 3)
    environment.topic.committed_offsets = {0: 3, 1: 99}
    StepConsumer(environment, eager=True).store_all()
    assert environment.stored == [(0, 0), (0, 1), (0, 2)]


def test_a_recreated_topic_is_refused_before_any_of_it_is_stored(environment):
    consumer = StepConsumer(environment, eager=True)
    send(environment, 0, 1, 2)
    consumer.run(3)
    environment.topic.recreate()
    environment.clock.advance(BATCH_SECONDS)
    with pytest.raises(TopicRecreated):
        consumer.run(3)
    assert environment.warehouse.events.size().rows == 0


def test_a_mostly_bad_partition_stops_before_any_dead_letter_and_the_other_goes_on(
    environment, caplog
):
    for _ in range(20):
        environment.topic.produce(0, b"bad")
    send(environment, 1, 1)
    consumer = StepConsumer(environment, eager=True, limit=RejectLimit(ratio=0.5, messages=10))
    consumer.store_all()
    consumer.store_all()
    assert (environment.dead_lettered, environment.positions) == ([], {0: 0, 1: 1})
    assert environment.stored == [(1, 0)]
    assert environment.checkpoints[0].stopped is StopReason.MOST_MESSAGES_BAD
    assert "ingestor dead-letters release" in caplog.text


def test_after_a_stop_nothing_is_dead_lettered_until_it_is_released(environment):
    limit = RejectLimit(ratio=0.5, messages=10)
    for _ in range(20):
        environment.topic.produce(0, b"bad")
    consumer = StepConsumer(environment, eager=True, limit=limit)
    for _ in range(5):
        consumer.store_all()
        environment.clock.advance(LOOK_AGAIN_SECONDS)
        environment.topic.expel(consumer.member)
        consumer = StepConsumer(environment, eager=True, limit=limit)
    assert environment.dead_lettered == []
    environment.warehouse.ledger(environment.stream).append(
        Batch(ROWS.empty_table()), {0: 0}, {0: Progress(0, released_until=20)}
    )
    environment.clock.advance(LOOK_AGAIN_SECONDS)
    consumer.store_all()
    assert len(environment.dead_lettered) == 20
    send(environment, 0, 1)
    environment.topic.produce(0, b"bad")
    consumer.store_all()
    assert (environment.positions[0], len(environment.dead_lettered)) == (22, 21)


def test_a_crash_loop_dead_letters_no_more_than_the_limit_permits(environment):
    limit = RejectLimit(ratio=0.5, messages=10)
    for _ in range(30):
        for _ in range(2):
            environment.topic.produce(0, b"bad")
        consumer = StepConsumer(environment, eager=True, limit=limit)
        consumer.store_all()
        environment.topic.expel(consumer.member)
    assert len(environment.dead_lettered) <= 10
    assert environment.checkpoints[0].stopped is StopReason.MOST_MESSAGES_BAD


def test_a_slow_warehouse_pauses_intake_and_keeps_the_partitions(environment):
    poll = decoded([good(0, 0)]).bytes
    consumer = StepConsumer(
        environment,
        batch=BatchPolicy(rows=2, bytes=10**9, seconds=1),
        budget=BackpressurePolicy(bytes=3 * poll, patience_seconds=0),
    )
    send(environment, 0, 1, 2)
    consumer.run(2)
    consumer.ledger_thread.run_all()
    consumer.run()
    for number in range(3, 40):
        send(environment, 0, number)
        consumer.run()
        assert consumer.pipeline.held_bytes <= 6 * poll
    assert consumer.member.assigned == {0, 1}
    assert environment.stored == []
    for _ in range(100):
        consumer.ledger_thread.run_all()
        consumer.run()
    assert environment.stored == [(0, offset) for offset in range(39)]


def test_an_idle_partition_advances_its_broker_time_once_a_minute(environment):
    """Completeness is the minimum of all partitions; a busy one must not delay an idle one."""
    consumer = StepConsumer(environment, eager=True)
    consumer.store_all()
    started = environment.clock.monotonic()
    number = 0
    while environment.clock.monotonic() - started < 130:
        number += 1
        send(environment, 0, number)
        environment.clock.advance(1)
        consumer.run()
    behind = environment.clock.now().timestamp() * 1000 - (
        environment.checkpoints[1].ingested_through_ms or 0
    )
    assert behind <= 75_000


def test_an_idle_consumer_of_a_sql_warehouse_commits_once_an_hour_and_measures_nothing(
    environment, monkeypatch
):
    """A commit keeps a SQL warehouse running for its idle time, which costs."""
    commits, measurements = [], []
    environment.warehouse = MemoryWarehouse(commits.append)
    monkeypatch.setattr(
        type(environment.warehouse.events), "size", lambda _: measurements.append(1)
    )
    consumer = StepConsumer(environment, eager=True, idle_commit_seconds=3600)
    consumer.store_all()
    commits.clear()
    for _ in range(10 * 60 * 6):
        environment.clock.advance(10)
        consumer.run()
    assert commits.count("before") == 10
    assert measurements == []


def test_a_partition_without_a_leader_delays_only_itself(environment):
    environment.topic.leaderless = {0}
    send(environment, 0, 1)
    send(environment, 1, 2)
    consumer = StepConsumer(environment, eager=True)
    consumer.store_all()
    assert environment.stored == [(1, 0)]
    environment.clock.advance(1)
    consumer.run()
    assert consumer.health.readiness().reasons == {"partition 0": "it has no leader that answers"}
    environment.topic.leaderless = {1}
    send(environment, 1, 3)
    environment.clock.advance(5)
    consumer.store_all()
    assert environment.stored == [(0, 0), (1, 0), (1, 1)]
    environment.clock.advance(1)
    consumer.run()
    assert consumer.health.readiness().ok


def test_a_fenced_partition_continues_from_the_other_owners_position(environment):
    """The partition can be ours while the commit of a zombie lands."""
    consumer = StepConsumer(environment, eager=True)
    consumer.store_all()
    send(environment, 0, 1, 2, 3, 4)
    other = environment.warehouse.ledger(environment.stream)
    other.append(
        Batch(ROWS.empty_table()),
        {0: environment.positions.get(0)},
        {0: Progress(2, holes=OffsetSums.of_range(0, 2))},
    )
    consumer.store_all()
    consumer.store_all()
    assert environment.positions[0] == 4
    assert environment.stored == [(0, 2), (0, 3)]
    assert consumer.member.assigned == {0, 1}


def test_a_drain_stores_the_buffer_without_polling(environment):
    send(environment, 0, 1)
    consumer = StepConsumer(environment, eager=True)
    consumer.run(3)
    send(environment, 0, 2)
    assert consumer.pipeline.drain(20, consumer.abandon)
    assert environment.stored == [(0, 0)]
    assert environment.topic.committed_offsets[0] == 1


def test_a_drain_past_its_deadline_returns_false_and_abandons_the_wait(environment):
    send(environment, 0, 1)
    consumer = StepConsumer(environment)
    consumer.run(2)
    consumer.ledger_thread.run_all()
    consumer.run(2)
    assert not consumer.pipeline.drain(0, consumer.abandon)
    assert consumer.abandon.is_set()
    consumer.pipeline.close()
    StepConsumer(environment, eager=True).store_all()
    assert environment.stored == [(0, 0)]


def test_the_consumer_of_partition_0_does_upkeep_until_it_loses_it(environment):
    one = StepConsumer(environment, eager=True)
    one.run(2)
    assert one.upkeep.running
    other = StepConsumer(environment, eager=True)
    for _ in range(3):
        one.run()
        other.run()
    assert (one.upkeep.running, other.upkeep.running) == (True, False)
    environment.topic.expel(one.member)
    for _ in range(3):
        other.run()
        one.run()
    assert (one.upkeep.running, other.upkeep.running) == (False, True)
    other.pipeline.close()
    assert not other.upkeep.running


def test_a_consumer_whose_ledger_cannot_be_prepared_starts(environment, monkeypatch, caplog):
    def fail(_ledger, _around):
        raise WarehouseUnavailable("The storage does not answer.")

    monkeypatch.setattr(MemoryLedger, "prepare", fail)
    send(environment, 0, 1)
    StepConsumer(environment, eager=True).store_all()
    assert environment.stored == [(0, 0)]
    assert "the first commit will take longer: The storage does not answer." in caplog.text
