import subprocess
import sys

import pytest

from local import kafka as local_kafka
from local.kafka.choice import start_mock
from local.kafka.free_port import free_port


def test_the_kafka_that_the_environment_names_is_used_and_left_running(kafka, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    with local_kafka.start() as given:
        assert (given.kind, given.bootstrap_servers) == ("given", kafka.bootstrap_servers)
    with local_kafka.start() as again:
        assert again.kind == "given"


def test_a_named_kafka_that_does_not_answer_is_an_error_and_nothing_else_is_started(monkeypatch):
    servers = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
    with pytest.raises(
        local_kafka.StartError, match=f"No Kafka answers at KAFKA_BOOTSTRAP_SERVERS={servers}"
    ):
        local_kafka.start()


_OTHER_PROCESS = """
import sys
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": sys.argv[1]})
producer.produce("events", b"from elsewhere")
sys.exit(producer.flush(30))
"""


def test_another_process_can_produce_to_the_mock():
    with start_mock() as kafka:
        other = subprocess.run(
            [sys.executable, "-c", _OTHER_PROCESS, kafka.bootstrap_servers], check=False
        )
    assert other.returncode == 0


def test_the_mock_says_that_it_is_no_real_broker():
    with start_mock() as kafka:
        assert not kafka.real
        assert "no real broker" in kafka.describe()
