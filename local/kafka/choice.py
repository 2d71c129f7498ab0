"""Selects the Kafka to use: the one of the environment, or the most real one available."""

import logging
import os
from collections.abc import Callable, Iterable
from dataclasses import replace

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.kafka import broker, container
from local.kafka.errors import LocalKafkaError, StartError, UnavailableError
from local.kafka.kafka import Kafka
from local.kafka.server import answers

_VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"


def start(port: int = 0) -> Kafka:
    """Start or find a Kafka.

    The order of preference: the Kafka of KAFKA_BOOTSTRAP_SERVERS, a container, a broker from Maven
    jars, a mock cluster.

    Args:
        port: of a container or broker on localhost; 0 takes a free one. A mock chooses its own.

    Raises:
        StartError: the selected kind did not become ready. A broken broker is never replaced by a
            mock.
    """
    servers = os.environ.get(_VARIABLE)
    if servers:
        return _use_given(servers)
    return first_available([lambda: container.start(port), lambda: broker.start(port), start_mock])


def first_available(kinds: Iterable[Callable[[], Kafka]]) -> Kafka:
    """Start the first kind that can run here, and record why the kinds before it cannot.

    Raises:
        LocalKafkaError: no kind can run here.
    """
    reasons: list[str] = []
    for start_kind in kinds:
        try:
            return replace(start_kind(), passed_over=tuple(reasons))
        except UnavailableError as error:
            reasons.append(str(error))
    raise LocalKafkaError(f"No Kafka can run here: {' '.join(reasons)}")


def start_mock() -> Kafka:
    """Start librdkafka's mock cluster, which lives as long as this process holds the result.

    Its topics appear on first use with 4 partitions. It has no admin API and keeps no data after
    its end.
    """
    client = AdminClient({"test.mock.num.brokers": 1}, logger=logging.getLogger("local.kafka.mock"))
    try:
        brokers = client.list_topics(timeout=10).brokers
    except KafkaException as error:
        raise StartError(
            f"librdkafka's mock cluster did not answer on loopback: {error}"
        ) from error
    servers = ",".join(f"{broker.host}:{broker.port}" for broker in brokers.values())
    alive = [client]
    return Kafka("mock", "librdkafka's mock cluster, no real broker,", servers, alive.clear)


def _use_given(bootstrap_servers: str) -> Kafka:
    """Return the Kafka that the environment names.

    Raises:
        StartError: it does not answer. No other kind is started in its place.
    """
    if not answers(bootstrap_servers, within=5.0):
        raise StartError(
            f"No Kafka answers at {_VARIABLE}={bootstrap_servers}: start it, or unset the "
            "variable for a local one."
        )
    return Kafka("given", f"the one of {_VARIABLE}", bootstrap_servers, lambda: None)
