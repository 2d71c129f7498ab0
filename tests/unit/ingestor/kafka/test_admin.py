import pytest
from confluent_kafka import KafkaError, KafkaException

from classwaves_ingestor.errors import BrokerRefused, BrokerUnavailable
from classwaves_ingestor.kafka.admin import map_error


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    ],
)
def test_a_leader_change_is_unavailable(code):
    assert isinstance(
        map_error(KafkaException(KafkaError(code)), "the watermarks"), BrokerUnavailable
    )


@pytest.mark.parametrize(
    "code",
    [
        KafkaError._TRANSPORT,
        KafkaError._DESTROY_BROKER,
        KafkaError._FAIL,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._WAIT_CACHE,
        KafkaError._MSG_TIMED_OUT,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError.NOT_ENOUGH_REPLICAS,
    ],
)
def test_a_lost_connection_or_a_broker_in_trouble_is_unavailable(code):
    assert isinstance(map_error(KafkaException(KafkaError(code)), "the id"), BrokerUnavailable)


def test_an_authorization_error_is_a_refusal():
    refusal = map_error(
        KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)), "the watermarks"
    )
    assert isinstance(refusal, BrokerRefused)
