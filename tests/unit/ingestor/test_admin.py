import pytest
from confluent_kafka import KafkaError, KafkaException

from classwaves_ingestor.errors import BrokerRefused, BrokerUnavailable
from classwaves_ingestor.topics.admin import failure


@pytest.mark.parametrize(
    "code",
    [
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
    ],
)
def test_a_partition_whose_leader_is_just_changing_is_asked_for_again(code):
    assert isinstance(
        failure(KafkaException(KafkaError(code)), "the watermarks"), BrokerUnavailable
    )


def test_what_asking_again_does_not_mend_is_a_refusal():
    refusal = failure(
        KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)), "the watermarks"
    )
    assert isinstance(refusal, BrokerRefused)
