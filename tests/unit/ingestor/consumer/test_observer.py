from datetime import timedelta

import pytest

from classwaves_ingestor import metrics
from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.kafka.interface import Connection
from classwaves_ingestor.kafka.memory import MemoryTopic
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.errors import WarehouseUnavailable, WarehouseWarming
from tests.support.events import BAD, NOW, wire
from tests.unit.ingestor.consumer.parts import Environment, StepConsumer


@pytest.fixture
def environment():
    return Environment(MemoryTopic(partitions=2))


@pytest.fixture
def consumer(environment):
    consumer = StepConsumer(environment, eager=True)
    consumer.run(2)
    return consumer


def measured(consumer, metric, **labels):
    name = metric.name
    return consumer.registry.get_sample_value(
        name, {key: str(value) for key, value in labels.items()}
    )


def test_each_message_is_counted_in_its_class(environment, consumer):
    environment.topic.produce(0, wire("ended", number=1))
    environment.topic.produce(0, wire("ended", number=1))
    environment.topic.produce(0, wire("ended", number=1, teacher_id="another"))
    environment.topic.produce(0, wire("ended", number=1, payload={"reason": "other"}))
    environment.topic.skip(0, 3)
    for value in BAD.values():
        environment.topic.produce(1, value)
    consumer.store_all()
    assert measured(consumer, metrics.RECEIVED) == 4 + len(BAD)
    assert measured(consumer, metrics.STORED) == 1
    assert measured(consumer, metrics.DUPLICATES, partition=0) == 3
    assert measured(consumer, metrics.CONFLICTING, partition=0) == 1
    assert measured(consumer, metrics.HOLES, partition=0) == 3
    for reason in BAD:
        assert measured(consumer, metrics.DEAD_LETTERED, reason=reason.value) == 1


def test_dropped_fields_are_counted_by_a_declared_path_never_by_their_own_name(
    environment, consumer
):
    environment.topic.produce(
        0, wire("ended", number=1, payload={"teacherNotes": "Maya", "mood": "tired"})
    )
    consumer.store_all()
    assert measured(consumer, metrics.DROPPED_FIELDS, path="payload") == 2


def test_lag_is_the_distance_from_the_stored_position_to_the_end(environment, consumer):
    for number in range(1, 6):
        environment.topic.produce(
            0, wire("ended", number=number), timestamp_ms=int(NOW.timestamp() * 1000)
        )
    consumer.store_all()
    environment.topic.produce(0, wire("ended", number=6))
    environment.clock.advance(30)
    consumer.ledger_thread.eager = False
    consumer.run()
    assert measured(consumer, metrics.END_OFFSET, partition=0) == 6
    assert measured(consumer, metrics.STORED_POSITION, partition=0) == 5
    assert measured(consumer, metrics.LAG, partition=0) == 1
    assert measured(consumer, metrics.LAG_SECONDS, partition=0) == pytest.approx(
        (environment.clock.now() - NOW).total_seconds()
    )


def test_revoked_partitions_lose_their_gauges(environment, consumer):
    for partition in (0, 1):
        environment.topic.produce(partition, wire("ended", session=partition, number=1))
    consumer.store_all()
    environment.clock.advance(1)
    consumer.run()
    assert measured(consumer, metrics.LAG, partition=1) == 0
    other = StepConsumer(environment, eager=True)
    other.run(2)
    environment.clock.advance(2)
    consumer.run(2)
    assert measured(consumer, metrics.LAG, partition=1) is None
    assert measured(consumer, metrics.LAG, partition=0) == 0


def test_an_event_is_late_once_the_rollup_of_its_hour_is_due(environment, consumer):
    minute_5 = NOW.replace(minute=5) + timedelta(hours=1)
    environment.clock.advance((minute_5 - environment.clock.now()).total_seconds() - 10)
    environment.topic.produce(0, wire("ended", number=1, event_time=NOW.isoformat()))
    consumer.store_all()
    assert measured(consumer, metrics.LATE) == 0
    environment.clock.advance(10)
    environment.topic.produce(0, wire("ended", number=2, event_time=NOW.isoformat()))
    consumer.store_all()
    assert measured(consumer, metrics.LATE) == 1


def test_a_gap_in_the_sequence_of_a_source_is_counted(environment, consumer):
    for sequence in (1, 4, 3):
        environment.topic.produce(
            0, wire("ended", number=sequence, source="a:1", sequence=sequence)
        )
    consumer.store_all()
    assert measured(consumer, metrics.SKIPPED_SEQUENCES) == 2
    assert measured(consumer, metrics.OUT_OF_ORDER) == 1


def test_a_cold_warehouse_shows_as_warming_until_it_is_available(environment):
    consumer = StepConsumer(environment)
    consumer.observer.retrying(WarehouseWarming("starting up"))
    assert consumer.health.readiness().reasons["warehouse"] == "starting up"
    assert measured(consumer, metrics.WARMING) == 1
    consumer.observer.retrying(WarehouseUnavailable("unavailable"))
    assert measured(consumer, metrics.WARMING) == 0
    consumer.observer.retrying(WarehouseWarming("starting up"))
    consumer.observer.mark_ready()
    assert measured(consumer, metrics.WARMING) == 0


def test_a_consumer_is_ready_once_its_positions_are_known_and_not_ready_while_it_retries(
    environment,
):
    consumer = StepConsumer(environment)
    assert not consumer.health.readiness().ok
    consumer.run(2)
    consumer.ledger_thread.run_all()
    consumer.run()
    assert consumer.health.readiness().ok
    consumer.observer.retrying(WarehouseUnavailable("cold"))
    consumer.observer.retrying(BrokerUnavailable("unavailable"))
    assert consumer.health.readiness().reasons == {"warehouse": "cold", "broker": "unavailable"}
    assert measured(consumer, metrics.RETRIES, cause="warehouse") == 1
    environment.topic.produce(0, wire("ended", number=1))
    consumer.ledger_thread.eager = True
    consumer.store_all()
    assert consumer.health.readiness().ok


def test_a_standby_consumer_without_partitions_is_ready():
    environment = Environment(MemoryTopic(partitions=1))
    first, second = StepConsumer(environment, eager=True), StepConsumer(environment, eager=True)
    first.run(2)
    second.run(2)
    second.pipeline.on_assigned([])
    assert second.health.readiness().ok


def test_the_table_is_measured_after_commits(environment, consumer):
    environment.topic.produce(0, wire("ended", number=1))
    consumer.store_all()
    environment.clock.advance(60)
    environment.topic.produce(0, wire("ended", number=2))
    consumer.store_all()
    assert measured(consumer, metrics.TABLE_FILES) == environment.warehouse.events.size().files


def test_a_consumer_that_the_group_expelled_is_not_ready_until_it_has_joined_again(
    environment, consumer
):
    consumer.run()
    assert consumer.health.readiness().ok
    consumer.pipeline.on_lost([0, 1])
    assert consumer.health.readiness().reasons.keys() == {"group"}
    consumer.observer.mark_ready()
    assert not consumer.health.readiness().ok, "no commit tells of the group"
    environment.topic.expel(consumer.member)
    consumer.run(3)
    assert consumer.member.assigned == {0, 1}
    assert consumer.health.readiness().ok


def test_partitions_that_move_to_another_member_leave_a_consumer_ready(environment, consumer):
    StepConsumer(environment, eager=True).run(2)
    consumer.run(2)
    assert len(consumer.member.assigned) == 1
    assert consumer.health.readiness().ok


def test_a_consumer_whose_brokers_are_silent_is_not_ready_until_one_answers(
    environment, consumer, caplog
):
    consumer.store_all()
    caplog.set_level("INFO")
    assert consumer.health.readiness().ok
    for environment.topic.silent_seconds in range(1, 30):
        environment.clock.advance(1)
        consumer.run()
        assert consumer.health.readiness().ok == (environment.topic.silent_seconds < 10)
    assert measured(consumer, metrics.BROKER_SILENCE) == 29
    assert "no broker has answered for 29 s" in consumer.health.readiness().reasons["broker"]
    environment.topic.silent_seconds = 0.1
    environment.clock.advance(1)
    consumer.run()
    assert consumer.health.readiness().ok
    assert [each.message for each in caplog.records if "answer" in each.message] == [
        "The broker does not answer: no broker has answered for 10 s. Waiting.",
        "The broker answers again",
    ]


def test_an_outage_lasts_while_calls_are_retried_although_a_broker_answers(
    environment, consumer, caplog
):
    consumer.store_all()
    consumer.observer.retrying(BrokerUnavailable("No answer to: the id of topic t."))
    environment.clock.advance(1)
    consumer.run()
    assert not consumer.health.readiness().ok
    consumer.observer.retrying(BrokerUnavailable("No answer to: the id of topic t."))
    environment.topic.produce(0, wire("ended", number=1))
    consumer.store_all()
    assert consumer.health.readiness().ok
    assert caplog.text.count("does not answer") == 1


def test_a_silence_names_the_last_error(environment, consumer, monkeypatch):
    broken = Connection(60.0, errors=7, last_error="The last error: refused.")
    monkeypatch.setattr(consumer.member, "connection", lambda: broken)
    environment.clock.advance(1)
    consumer.run()
    assert consumer.health.readiness().reasons["broker"] == (
        "no broker has answered for 60 s. The last error: refused."
    )


def test_an_expelled_consumer_keeps_its_gauges_until_it_has_joined_again(environment, consumer):
    environment.topic.produce(0, wire("ended", number=1))
    consumer.store_all()
    environment.clock.advance(1)
    consumer.run()
    consumer.pipeline.on_lost([0, 1])
    environment.clock.advance(1)
    consumer.run()
    assert measured(consumer, metrics.STORED_POSITION, partition=0) == 1
    consumer.pipeline.on_assigned([1])
    environment.clock.advance(1)
    consumer.run(3)
    assert measured(consumer, metrics.STORED_POSITION, partition=0) is None


def test_a_partition_whose_position_does_not_move_although_its_log_has_more_is_stalled(
    environment, consumer
):
    environment.topic.produce(0, wire("ended", number=1))
    environment.topic.produce(1, wire("ended", session=1, number=1))
    consumer.store_all()
    environment.clock.advance(200)
    consumer.run()
    assert consumer.health.readiness().ok
    environment.topic.produce(0, wire("ended", number=2))
    consumer.ledger_thread.eager = False
    for _ in range(119):
        environment.clock.advance(1)
        consumer.run()
    assert consumer.health.readiness().ok
    for _ in range(2):
        environment.clock.advance(1)
        consumer.run()
    assert measured(consumer, metrics.STALLED_SECONDS, partition=0) >= 120
    assert measured(consumer, metrics.STALLED_SECONDS, partition=1) == 0
    assert consumer.health.readiness().reasons.keys() == {"partition 0"}
    assert "has not moved for" in consumer.health.readiness().reasons["partition 0"]
    assert consumer.health.live().ok
    consumer.ledger_thread.run_all()
    environment.clock.advance(1)
    consumer.run()
    assert consumer.health.readiness().ok


def test_commits_without_messages_are_logged_at_debug(environment, consumer, caplog):
    consumer.store_all()
    environment.clock.advance(3600)
    caplog.set_level("DEBUG")
    consumer.run(3)
    (committed,) = (each for each in caplog.records if each.message == "Committed")
    assert committed.levelname == "DEBUG"
    environment.topic.produce(0, b"bad")
    consumer.store_all()
    assert [each.levelname for each in caplog.records if each.message == "Committed"][-1] == "INFO"


def test_the_load_of_the_dedup_index_is_reported(tmp_path):
    warehouse = DeltaWarehouse(str(tmp_path))
    warehouse.tables.migrate()
    environment = Environment(MemoryTopic(partitions=1), warehouse)
    consumer = StepConsumer(environment, eager=True)
    for number in (1, 2):
        environment.topic.produce(0, wire("ended", number=number))
        consumer.store_all()
    assert measured(consumer, metrics.DEDUP_IDENTITIES) == 1  # as the last commit found it
    assert measured(consumer, metrics.DEDUP_MEMORY_BYTES) == 36
    assert measured(consumer, metrics.DEDUP_DISK_BYTES) == 0
    # In advance for NOW, and once more for an event of the hour before.
    assert measured(consumer, metrics.DEDUP_TABLE_READS) == 2
