import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from local import kafka as local_kafka
from local.kafka.free_port import is_free
from local.kafka.server import answers


def _create_topic(bootstrap_servers: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, num_partitions=1)])[topic].result(timeout=30)


def _produce(bootstrap_servers: str, topic: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers, "acks": "all"})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


@pytest.fixture
def consume() -> Iterator[object]:
    consumers = []

    def read(bootstrap_servers: str, topic: str, count: int) -> list[bytes]:
        consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": topic,
                "auto.offset.reset": "earliest",
            }
        )
        consumers.append(consumer)
        consumer.subscribe([topic])
        return [message.value() for message in consumer.consume(count, timeout=30)]

    yield read
    for consumer in consumers:
        consumer.close()


def test_what_is_produced_is_consumed(kafka, topic_name, consume):
    _create_topic(kafka.bootstrap_servers, topic_name)
    _produce(kafka.bootstrap_servers, topic_name, [b"one", b"two"])
    assert consume(kafka.bootstrap_servers, topic_name, 2) == [b"one", b"two"]


def test_a_topic_that_nobody_created_does_not_appear(kafka, topic_name):
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    assert admin.list_topics(topic_name, timeout=30).topics[topic_name].error is not None
    assert topic_name not in admin.list_topics(timeout=30).topics


def test_a_killed_broker_comes_back_on_its_port_with_its_data(own_broker, topic_name, consume):
    _create_topic(own_broker.bootstrap_servers, topic_name)
    _produce(own_broker.bootstrap_servers, topic_name, [b"before"])
    own_broker.kill()
    assert not answers(own_broker.bootstrap_servers)
    own_broker.start()
    _produce(own_broker.bootstrap_servers, topic_name, [b"after"])
    assert consume(own_broker.bootstrap_servers, topic_name, 2) == [b"before", b"after"]


def test_a_stopped_broker_comes_back_with_its_data(own_broker, topic_name, consume):
    _create_topic(own_broker.bootstrap_servers, topic_name)
    _produce(own_broker.bootstrap_servers, topic_name, [b"kept"])
    own_broker.stop()
    assert is_free(own_broker.settings.port)
    own_broker.start()
    assert consume(own_broker.bootstrap_servers, topic_name, 1) == [b"kept"]


def test_a_frozen_broker_answers_nobody_until_it_is_resumed(own_broker):
    own_broker.pause()
    assert not answers(own_broker.bootstrap_servers)
    own_broker.resume()
    assert answers(own_broker.bootstrap_servers, within=30)


def test_a_frozen_broker_can_be_stopped_and_killed(own_broker):
    own_broker.pause()
    own_broker.stop()
    own_broker.start()
    own_broker.pause()
    own_broker.kill()
    assert is_free(own_broker.settings.port)


def test_two_brokers_run_at_once_and_know_nothing_of_each_other(kafka, own_broker, topic_name):
    assert kafka.bootstrap_servers != own_broker.bootstrap_servers
    _create_topic(own_broker.bootstrap_servers, topic_name)
    assert (
        topic_name
        not in AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        .list_topics(timeout=30)
        .topics
    )


def test_closing_removes_the_data(own_broker):
    own_broker.close()
    assert not own_broker.settings.folder.exists()


def test_a_signal_to_a_broker_that_does_not_run_says_what_to_do(own_broker):
    own_broker.kill()
    with pytest.raises(local_kafka.StartError, match=r"call start\(\) first"):
        own_broker.pause()


def test_a_taken_port_is_a_clear_error(own_broker):
    with pytest.raises(local_kafka.StartError, match="is taken"):
        local_kafka.KRaftBroker.create(own_broker.settings.port)


def test_a_broker_that_cannot_start_says_why_in_its_own_words(own_broker):
    own_broker.kill()
    with own_broker.settings.server_properties.open("a") as file:
        file.write("process.roles=nonsense\n")
    with pytest.raises(local_kafka.StartError, match="nonsense"):
        own_broker.start()


def test_a_broker_dies_with_the_process_that_made_it(own_broker, tmp_path: Path):
    script = (
        "from local import kafka as local_kafka\nimport time\n"
        "broker = local_kafka.KRaftBroker.create()\n"
        "print(broker._process.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    _wait_until_gone(pid)


def _wait_until_gone(pid: int) -> None:
    loop = f"for _ in $(seq 300); do kill -0 {pid} 2>/dev/null || exit 0; sleep 0.1; done; exit 1"
    assert subprocess.run(["/bin/sh", "-c", loop], check=False).returncode == 0
