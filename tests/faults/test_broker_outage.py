"""A broker that is away: while a consumer runs, and when it starts."""

import urllib.request
from itertools import islice

from tests.support.mixture import mixture
from tests.support.waiting import wait_until

_AWAY_SECONDS = 30.0


def lines(consumer) -> int:
    return len(consumer.log.read_text().splitlines())


def gauge(consumer, name: str) -> float | None:
    """The sum of a gauge over its labels; None if it is not there."""
    (served,) = consumer.records("Serving /metrics, /healthz and /readyz")
    with urllib.request.urlopen(f"http://127.0.0.1:{served['port']}/metrics") as answer:
        found = [
            float(line.rpartition(" ")[2])
            for line in answer.read().decode().splitlines()
            if line.startswith((f"{name} ", f"{name}{{"))
        ]
    return sum(found) if found else None


def test_a_consumer_without_a_broker_is_not_ready_keeps_its_gauges_and_logs_little(
    own_broker, own_scenario
):
    scenario, traffic, messages = own_scenario, own_scenario.traffic(), mixture(seed=63)
    consumer = scenario.consumer()
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    wait_until(lambda: consumer.readiness() == {}, "the consumer is ready")
    wait_until(
        lambda: gauge(consumer, "ingestor_stored_position") == scenario.sent.messages,
        "the gauges show the positions",
    )
    before = lines(consumer)
    own_broker.kill()
    wait_until(lambda: "broker" in (consumer.readiness() or {}), "the consumer is not ready")
    wait_until(
        lambda: (gauge(consumer, "ingestor_broker_silence_seconds") or 0) > _AWAY_SECONDS,
        "the broker is away for a while",
    )
    assert gauge(consumer, "ingestor_stored_position") == scenario.sent.messages
    assert lines(consumer) - before < 10
    assert consumer.log.read_text().count("The broker does not answer") == 1
    own_broker.start()
    wait_until(lambda: consumer.readiness() == {}, "the consumer is ready again")
    (ended,) = consumer.records("The broker answers again")
    assert ended["seconds"] > 0
    assert ended["errors"] > 0
    traffic.send(islice(messages, 200))
    scenario.wait_until_stored()
    scenario.prove()


def test_a_consumer_that_starts_before_its_broker_waits_for_it(own_broker, own_scenario):
    scenario, traffic, messages = own_scenario, own_scenario.traffic(), mixture(seed=64)
    traffic.send(islice(messages, 200))
    own_broker.kill()
    consumer = scenario.consumer()
    wait_until(lambda: "broker" in (consumer.readiness() or {}), "the consumer waits")
    assert consumer.code is None
    stopped = scenario.consumer()
    wait_until(lambda: "broker" in (stopped.readiness() or {}), "another one waits")
    stopped.terminate()
    assert stopped.ended() == 0
    own_broker.start()
    scenario.wait_until_stored()
    wait_until(lambda: consumer.readiness() == {}, "the consumer is ready")
    assert "Traceback" not in consumer.log.read_text()
    scenario.prove()
