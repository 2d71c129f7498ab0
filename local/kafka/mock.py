"""librdkafka's mock cluster: needs nothing, proves little."""

import logging

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from local.kafka.errors import StartError
from local.kafka.kafka import Kafka


def start() -> Kafka:
    """A mock cluster that lives as long as this process holds the result.

    Its topics appear on first use with 4 partitions; it has no admin API and forgets all at its end.
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
