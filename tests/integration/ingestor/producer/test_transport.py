import json
from functools import partial

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import EventPublisher
from classwaves_ingestor.producer.errors import QueueFull
from classwaves_ingestor.producer.kafka import KafkaTransport, producer_options
from classwaves_ingestor.producer.transport import Failure
from classwaves_warehouse.batch import id_shards_of
from tests.support.publishing import EVENT, settings
from tests.support.topic_reader import read_topic
from tests.support.transport_behaviour import TransportBehaviour, ignore_failure
from tests.support.waiting import wait_until


def create(kafka, topic, partitions=3, **config):
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic(topic, partitions, 1, config=config)])[topic].result()


@pytest.fixture
def options(kafka):
    return producer_options({"bootstrap.servers": kafka.bootstrap_servers}, 1000)


class TestKafkaTransport(TransportBehaviour):
    @pytest.fixture
    def transport(self, kafka, topic_name, options):
        create(kafka, topic_name)
        return KafkaTransport(options, topic_name)

    @pytest.fixture
    def received(self, kafka, topic_name):
        return lambda: [
            (each.key().decode(), each.value())
            for each in read_topic(kafka.bootstrap_servers, topic_name)
        ]


def test_a_session_is_in_the_same_partition_as_with_a_java_producer(kafka, topic_name, options):
    create(kafka, topic_name)
    transport = KafkaTransport(options, topic_name)
    for number in range(50):
        transport.send(f"session-{number}", b"{}", ignore_failure)
    assert transport.flush(30) == 0
    transport.close()
    messages = read_topic(kafka.bootstrap_servers, topic_name)
    # An id shard is Java's hash modulo 60.
    id_shards = id_shards_of([each.key().decode() for each in messages])
    assert [each.partition() for each in messages] == [shard % 3 for shard in id_shards]


def test_an_event_beyond_the_topics_size_limit_is_a_failure_of_this_event(
    kafka, topic_name, options
):
    create(kafka, topic_name, **{"max.message.bytes": "500"})
    transport, refused = KafkaTransport(options, topic_name), {}
    for number, size in enumerate((10, 900, 10)):
        value = json.dumps([f"{n * size}" for n in range(size // 7)]).encode()[:size]
        transport.send(
            f"s{number}", value, transport.failure_callback(partial(refused.__setitem__, number))
        )
        assert transport.flush(30) == 0
    transport.close()
    assert refused == {1: Failure("msg_size_too_large", of_this_event=True)}
    assert transport.delivered() == 2


def test_an_event_beyond_the_topics_size_limit_does_not_fail_its_batch(kafka, topic_name, tmp_path):
    create(kafka, topic_name, 1, **{"max.message.bytes": "2000"})
    given = settings(
        tmp_path,
        kafka={"bootstrap.servers": kafka.bootstrap_servers, "compression.type": "none"},
        session_events_topic=topic_name,
    )
    with EventPublisher(given, component="test", registry=CollectorRegistry()) as publisher:
        with publisher._emitter._delivery.fork_lock:  # delivery reads all of them in one batch
            ids = [
                publisher.emit(
                    "configured",
                    **EVENT,
                    payload={"groupSizes": [1] * (1500 if number == 7 else 1)},
                )
                for number in range(20)
            ]
        wait_until(lambda: publisher.flush(0) <= 1, "all but one are acknowledged")
    messages = read_topic(kafka.bootstrap_servers, topic_name)
    assert [json.loads(each.value())["id"] for each in messages] == [*ids[:7], *ids[8:]]


def test_an_event_beyond_the_size_limit_of_librdkafka_is_a_failure_of_this_event(
    kafka, topic_name, options
):
    create(kafka, topic_name)
    transport, refused = KafkaTransport(options, topic_name), []
    transport.send("s", b"x" * 10_000, transport.failure_callback(refused.append))
    transport.close()
    assert refused == [Failure("msg_size_too_large", of_this_event=True)]


def test_a_missing_topic_is_a_failure_of_every_event(kafka, topic_name, options):
    transport, refused = (
        KafkaTransport(options | {"topic.metadata.propagation.max.ms": 100}, topic_name),
        [],
    )
    transport.send("s", b"{}", transport.failure_callback(refused.append))
    assert transport.flush(30) == 0
    transport.close()
    (failure,) = refused
    assert failure.reason in {"unknown_topic", "unknown_topic_or_part"}
    assert not failure.of_this_event


def test_a_full_librdkafka_queue_refuses_events(topic_name):
    options = producer_options(
        {"bootstrap.servers": "127.0.0.1:1", "queue.buffering.max.messages": "2"}, 1000
    )
    transport = KafkaTransport(options, topic_name)
    for _ in range(2):
        transport.send("s", b"{}", ignore_failure)
    with pytest.raises(QueueFull):
        transport.send("s", b"{}", ignore_failure)
    assert transport.flush(0.01) == 2
    transport.close()


def test_without_a_broker_the_cluster_is_unknown():
    transport = KafkaTransport(producer_options({"bootstrap.servers": "127.0.0.1:1"}, 1000), "t")
    assert transport.cluster_id() is None
    transport.close()


def test_events_of_a_cluster_are_not_sent_to_another_one(kafka, topic_name, tmp_path, caplog):
    create(kafka, topic_name)

    def publisher(**options):
        options = {"bootstrap.servers": kafka.bootstrap_servers} | options
        given = settings(tmp_path, kafka=options, session_events_topic=topic_name)
        return EventPublisher(given, component="test", registry=CollectorRegistry())

    def sent():
        messages = read_topic(kafka.bootstrap_servers, topic_name)
        return [json.loads(each.value())["id"] for each in messages]

    with publisher() as first:
        ids = [first.emit("started", **EVENT)]
        assert first.flush(30) == 0
        with first._emitter._delivery.fork_lock:  # it sends nothing meanwhile
            ids.append(first.emit("ended", **EVENT))
            first._emitter._delivery._stopping = True
    with publisher(**{"test.mock.num.brokers": "1"}) as elsewhere:
        elsewhere.emit("started", **EVENT)
        assert elsewhere.flush(30) == 0
        wait_until(lambda: "belong to the Kafka cluster" in str(records(caplog)), "it is refused")
    assert sent() == ids[:1]
    with publisher():
        wait_until(lambda: sent() == ids, "its cluster gets it")


def records(caplog):
    return [getattr(each, "reason", "") for each in caplog.records]
