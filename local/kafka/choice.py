"""Which Kafka: the one that was named, or else the most real that this machine can run."""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace

from local.kafka import broker, container, given, mock
from local.kafka.errors import LocalKafkaError, UnavailableError
from local.kafka.kafka import Kafka


def start(port: int = 0) -> Kafka:
    """The Kafka of KAFKA_BOOTSTRAP_SERVERS, else a container, else a broker from Maven jars, else a mock.

    `port` fixes the port of a container or broker; 0 takes a free one. A mock chooses its own.
    Raises StartError if the chosen one does not become ready: a broken broker is not a reason for a mock.
    """
    servers = os.environ.get(given.VARIABLE)
    if servers:
        return given.use(servers)
    return first_available([lambda: container.start(port), lambda: broker.start(port), mock.start])


def first_available(kinds: Iterable[Callable[[], Kafka]]) -> Kafka:
    """The first kind that can run here, with the reasons of those before it."""
    reasons: list[str] = []
    for start_kind in kinds:
        try:
            return replace(start_kind(), passed_over=tuple(reasons))
        except UnavailableError as error:
            reasons.append(str(error))
    raise LocalKafkaError(f"No Kafka can run here: {' '.join(reasons)}")
