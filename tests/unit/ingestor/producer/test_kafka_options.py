import pytest

from classwaves_ingestor.producer.kafka import KafkaTransport, producer_options
from classwaves_runtime.errors import SettingsError

SERVERS = {"bootstrap.servers": "127.0.0.1:1"}


def test_the_environment_may_set_options_that_affect_no_guarantee():
    options = producer_options(SERVERS | {"linger.ms": "50", "compression.type": "zstd"}, 1000)
    assert (options["linger.ms"], options["compression.type"]) == ("50", "zstd")


@pytest.mark.parametrize(
    "option",
    [
        "acks",
        "request.required.acks",
        "enable.idempotence",
        "partitioner",
        "delivery.timeout.ms",
        "message.timeout.ms",
        "transactional.id",
    ],
)
def test_an_option_that_a_guarantee_needs_cannot_be_set(option):
    variable = "KAFKA_" + option.upper().replace(".", "_")
    with pytest.raises(SettingsError, match=f"{variable} cannot be set"):
        producer_options(SERVERS | {option: "1"}, 1000)


def test_an_unknown_librdkafka_option_is_a_settings_error():
    with pytest.raises(SettingsError, match=r"foo\.bar"):
        KafkaTransport(producer_options(SERVERS | {"foo.bar": "1"}, 1000), "t")
