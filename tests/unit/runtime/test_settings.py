import pytest
from pydantic import Field, PositiveInt, SecretStr

from classwaves_runtime.errors import SettingsError
from classwaves_runtime.settings import KafkaOptions, Settings, kafka_options


class Oven(Settings):
    oven_degrees: PositiveInt = Field(default=180, description="degrees Celsius")
    oven_pin: SecretStr = Field(min_length=8, description="at least 8 digits")


class Bakery(Settings):
    kafka: KafkaOptions


def test_a_field_is_read_from_the_variable_of_its_name():
    assert (
        Oven.from_environment({"OVEN_DEGREES": " 200 ", "OVEN_PIN": "12345678"}).oven_degrees == 200
    )


def test_variables_of_others_are_ignored():
    assert (
        Oven.from_environment(
            {"PATH": "/bin", "oven_degrees": "1", "OVEN_PIN": "12345678"}
        ).oven_degrees
        == 180
    )


def test_an_empty_variable_counts_as_one_that_is_not_set():
    assert Oven.from_environment({"OVEN_DEGREES": "", "OVEN_PIN": "12345678"}).oven_degrees == 180


def test_the_error_lists_every_variable_with_what_is_wrong_and_what_is_expected():
    with pytest.raises(SettingsError) as caught:
        Oven.from_environment({"OVEN_DEGREES": "hot"})
    degrees, pin = str(caught.value).split("; ")
    assert degrees.startswith("OVEN_DEGREES: ")
    assert "valid integer" in degrees
    assert degrees.endswith("(expected: degrees Celsius)")
    assert pin == "OVEN_PIN: is not set (expected: at least 8 digits)"


def test_the_error_holds_no_value():
    with pytest.raises(SettingsError) as caught:
        Oven.from_environment({"OVEN_DEGREES": "tepid", "OVEN_PIN": "4711"})
    assert "OVEN_PIN" in str(caught.value)
    assert "4711" not in repr(caught.value)
    assert "tepid" not in repr(caught.value)
    assert caught.value.__suppress_context__


def test_settings_are_frozen():
    oven = Oven.from_environment({"OVEN_PIN": "12345678"})
    with pytest.raises(ValueError, match="frozen"):
        oven.oven_degrees = 1  # type: ignore[misc]


def test_kafka_variables_become_the_options_of_librdkafka():
    environ = {
        "KAFKA_BOOTSTRAP_SERVERS": "b:9092",
        "KAFKA_SASL_USERNAME": "ann",
        "KAFKAESQUE": "no",
        "KAFKA_LINGER_MS": "",
    }
    assert kafka_options(environ) == {"bootstrap.servers": "b:9092", "sasl.username": "ann"}


@pytest.mark.parametrize(
    "name",
    [
        "KAFKA_SERVICE_HOST",
        "KAFKA_UI_SERVICE_PORT",
        "KAFKA_SERVICE_PORT_HTTP",
        "KAFKA_PORT",
        "KAFKA_PORT_9092_TCP_ADDR",
    ],
)
def test_what_kubernetes_adds_for_a_service_called_kafka_is_no_option(name):
    assert kafka_options({name: "tcp://10.0.0.1:9092"}) == {}


def test_kerberos_service_name_is_an_option_all_the_same():
    assert kafka_options({"KAFKA_SASL_KERBEROS_SERVICE_NAME": "k"}) == {
        "sasl.kerberos.service.name": "k"
    }


def test_settings_with_kafka_need_its_brokers():
    with pytest.raises(
        SettingsError, match=r"KAFKA_BOOTSTRAP_SERVERS: is not set \(expected: host:port"
    ):
        Bakery.from_environment({"KAFKA_SASL_PASSWORD": "s3cret"})


@pytest.mark.parametrize(
    "variable",
    ["KAFKA_DEFAULT_TOPIC_CONFIG", "KAFKA_DELIVERY_REPORT_ONLY_ERROR", "KAFKA_LOGGER"],
)
def test_an_argument_of_the_python_client_is_refused_by_its_variable(variable):
    with pytest.raises(SettingsError, match=f"^{variable} cannot be set"):
        kafka_options({"KAFKA_BOOTSTRAP_SERVERS": "b:9092", variable: "x"})


def test_kafka_options_are_frozen_and_never_shown():
    bakery = Bakery.from_environment(
        {"KAFKA_BOOTSTRAP_SERVERS": "b:9092", "KAFKA_SASL_PASSWORD": "s3cret"}
    )
    assert bakery.kafka["sasl.password"] == "s3cret"
    assert "s3cret" not in repr(bakery)
    with pytest.raises(TypeError):
        bakery.kafka["x"] = "y"  # type: ignore[index]
