import pytest
from confluent_kafka import KafkaError

from classwaves_ingestor.kafka.admin import explain_refusal


@pytest.mark.parametrize(
    ("code", "text", "variable"),
    [
        (KafkaError._AUTHENTICATION, "Authentication failed", "KAFKA_SASL_PASSWORD"),
        (KafkaError.UNSUPPORTED_SASL_MECHANISM, "mechanism", "KAFKA_SASL_MECHANISM"),
        (KafkaError._SSL, "certificate verify failed", "KAFKA_SSL_CA_LOCATION"),
        (KafkaError._TRANSPORT, "closed (after 2ms in state SSL_HANDSHAKE)", "KAFKA_SSL_"),
    ],
)
def test_a_refusal_names_the_variables_to_check(code, text, variable):
    explained = explain_refusal(KafkaError(code, text))
    assert text in explained
    assert variable in explained


def test_a_lost_connection_is_no_refusal():
    assert explain_refusal(KafkaError(KafkaError._TRANSPORT, "Connection refused")) is None
