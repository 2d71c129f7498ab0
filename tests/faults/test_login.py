"""Logins that a broker refuses: wrong ones at the start, and a password that is rotated later."""

from itertools import islice

import pytest

from demo.environment import Environment
from local.kafka.free_port import free_port
from tests.support.mixture import mixture
from tests.support.waiting import wait_until

_SASL = """
listeners=PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller},SASL://127.0.0.1:{sasl}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL://127.0.0.1:{sasl}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=\\
  org.apache.kafka.common.security.plain.PlainLoginModule required user_ann="{password}";
"""


class GuardedBroker:
    """A broker that also has a listener for clients who log in as ann."""

    def __init__(self, broker) -> None:
        self._broker = broker
        self._open = broker.settings.server_properties.read_text()
        self._port = free_port()
        self.set_password("right")

    def set_password(self, password: str) -> None:
        """Restart the broker with another password of ann."""
        settings = self._broker.settings
        self._broker.stop()
        guarded = _SASL.format(
            plain=settings.port,
            controller=settings.controller_port,
            sasl=self._port,
            password=password,
        )
        settings.server_properties.write_text(self._open + guarded)
        self._broker.start()

    @property
    def login(self) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{self._port}",
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": "PLAIN",
            "KAFKA_SASL_USERNAME": "ann",
            "KAFKA_SASL_PASSWORD": "right",
        }


@pytest.fixture
def guarded(own_broker) -> GuardedBroker:
    return GuardedBroker(own_broker)


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"KAFKA_SASL_PASSWORD": "wrong"}, "KAFKA_SASL_PASSWORD"),
        ({"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256"}, "KAFKA_SASL_MECHANISM"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL"}, "KAFKA_SSL_CA_LOCATION"),
    ],
    ids=["password", "mechanism", "protocol"],
)
def test_a_refused_login_is_told_with_the_variable_to_check(
    guarded, own_scenario, tmp_path, changes, variable
):
    environ = {**guarded.login, **changes}
    given = {**own_scenario.environment.environ, **environ}
    done = Environment(tmp_path, given).run("ingestor", "status")
    lines = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert len(lines) == 1, done.stderr
    assert variable in lines[0]
    assert "The brokers refuse this client" in lines[0]
    assert done.returncode == 1
    consumer = own_scenario.consumer(**environ)
    wait_until(
        lambda: variable in (consumer.readiness() or {}).get("broker", ""), "readiness says so"
    )
    consumer.wait_for("The broker does not answer: The brokers refuse this client")
    consumer.terminate()
    assert consumer.ended() == 0


def test_a_consumer_whose_password_is_rotated_is_not_ready_until_it_is_right_again(
    guarded, own_scenario
):
    scenario, messages = own_scenario, mixture(seed=65)
    consumer = scenario.consumer(**guarded.login)
    scenario.traffic().send(islice(messages, 100))
    scenario.wait_until_stored()
    wait_until(lambda: consumer.readiness() == {}, "the consumer is ready")
    guarded.set_password("rotated")
    wait_until(
        lambda: "KAFKA_SASL_PASSWORD" in (consumer.readiness() or {}).get("broker", ""),
        "readiness says so",
    )
    guarded.set_password("right")
    wait_until(lambda: consumer.readiness() == {}, "the consumer is ready again")
    scenario.traffic().send(islice(messages, 100))
    scenario.wait_until_stored()
    scenario.prove()
