import pytest

from local import kafka as local_kafka
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
