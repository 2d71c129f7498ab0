import pytest

from local.kafka.choice import first_available
from local.kafka.errors import LocalKafkaError, StartError, UnavailableError
from local.kafka.kafka import Kafka


def _mock() -> Kafka:
    return Kafka("mock", "a mock", "127.0.0.1:1", lambda: None)


def _maven() -> Kafka:
    return Kafka("maven", "a broker", "127.0.0.1:2", lambda: None)


def _no_docker() -> Kafka:
    raise UnavailableError("Docker does not answer.")


def _no_java() -> Kafka:
    raise UnavailableError("No java in PATH.")


def _broken() -> Kafka:
    raise StartError("The broker ended with code 1.")


def test_the_first_kind_that_can_run_is_chosen():
    assert first_available([_no_docker, _maven, _mock]).kind == "maven"


def test_the_kinds_after_the_chosen_one_are_not_started():
    assert first_available([_maven, _broken]).passed_over == ()


def test_what_was_passed_over_is_said_in_order():
    chosen = first_available([_no_docker, _no_java, _mock])
    assert (
        chosen.describe()
        == "Kafka: a mock at 127.0.0.1:1 (Docker does not answer. No java in PATH.)"
    )


def test_a_broken_broker_is_an_error_and_not_a_reason_for_a_mock():
    with pytest.raises(StartError, match="code 1"):
        first_available([_no_docker, _broken, _mock])


def test_no_kind_at_all_is_an_error_with_every_reason():
    with pytest.raises(LocalKafkaError, match=r"Docker does not answer\. No java in PATH\."):
        first_available([_no_docker, _no_java])


def test_only_the_mock_is_not_real():
    assert _maven().real
    assert not _mock().real


def test_leaving_the_block_stops_the_kafka():
    stopped = []
    with Kafka("maven", "a broker", "127.0.0.1:2", lambda: stopped.append("once")):
        assert stopped == []
    assert stopped == ["once"]
