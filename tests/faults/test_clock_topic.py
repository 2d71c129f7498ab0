"""A consumer without the right to write to the clock topic."""

import json
import urllib.request
from itertools import islice

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)

from tests.support.mixture import mixture
from tests.support.waiting import wait_until

READ_ONLY = (AclOperation.DESCRIBE, AclOperation.DESCRIBE_CONFIGS)


def permit(scenario, *operations: AclOperation) -> None:
    """Permit these operations on the clock topic, and no others."""
    name = scenario.environment.settings.clock_topic
    rules = [
        AclBinding(
            ResourceType.TOPIC,
            name,
            ResourcePatternType.LITERAL,
            "User:ANONYMOUS",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for operation in operations
    ]
    for created in scenario.admin.create_acls(rules).values():
        created.result()


def set_timestamp_type(scenario, timestamp_type: str) -> None:
    entry = ConfigEntry(
        "message.timestamp.type", timestamp_type, incremental_operation=AlterConfigOpType.SET
    )
    resource = ConfigResource(ResourceType.TOPIC, scenario.topic, incremental_configs=[entry])
    scenario.admin.incremental_alter_configs([resource])[resource].result()


def time_sources(consumer) -> set[str]:
    (served,) = consumer.records("Serving /metrics, /healthz and /readyz")
    with urllib.request.urlopen(f"http://127.0.0.1:{served['port']}/metrics", timeout=10) as page:
        lines = page.read().decode().splitlines()
    prefix = "ingestor_broker_time_source{time_source="
    return {
        line.removeprefix(prefix).split('"')[1]
        for line in lines
        if line.startswith(prefix) and line.endswith(" 1.0")
    }


@pytest.mark.parametrize(
    ("timestamp_type", "source", "message"),
    [
        (
            "CreateTime",
            "unknown",
            "The time of the brokers is unknown: no hour becomes complete. Create the clock topic "
            "with `ingestor topics create`, and grant this client the right to write to it",
        ),
        (
            "LogAppendTime",
            "messages",
            "The clock topic was not read; the time of the brokers comes from the messages, and is "
            "unknown from a start until one arrives",
        ),
    ],
)
def test_without_the_right_to_write_to_the_clock_topic_events_are_stored_and_all_say_so(
    own_scenario, timestamp_type, source, message
):
    scenario, traffic, messages = own_scenario, own_scenario.traffic(), mixture(seed=71)
    set_timestamp_type(scenario, timestamp_type)
    permit(scenario, *READ_ONLY)
    consumer = scenario.consumer()
    for _ in range(2):
        traffic.send(islice(messages, 200))
        scenario.wait_until_stored()
    consumer.wait_for(message)
    assert time_sources(consumer) == {source}
    found = json.loads(scenario.environment.run("ingestor", "status", "--json").stdout)
    assert found["broker_time"]["source"] == source
    assert "may not write to topic" in found["broker_time"]["problem"]
    known = {each["stored_until"] is not None for each in found["partitions"]}
    assert known == {source == "messages"}
    scenario.prove()


def test_a_consumer_uses_the_clock_topic_once_it_has_the_right(own_scenario):
    scenario, traffic, messages = own_scenario, own_scenario.traffic(), mixture(seed=72)
    permit(scenario, *READ_ONLY)
    refused = scenario.consumer()
    traffic.send(islice(messages, 100))
    scenario.wait_until_stored()
    refused.terminate()
    refused.ended()
    permit(scenario, AclOperation.WRITE)
    consumer = scenario.consumer()
    traffic.send(islice(messages, 100))
    scenario.wait_until_stored()
    wait_until(lambda: time_sources(consumer) == {"clock-topic"}, "the clock topic is read")
    found = json.loads(scenario.environment.run("ingestor", "status", "--json").stdout)
    assert found["broker_time"] == {"source": "clock-topic", "problem": None}
    scenario.prove()
