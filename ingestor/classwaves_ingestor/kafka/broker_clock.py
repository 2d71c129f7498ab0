"""Reads a broker's clock: the broker stamps the messages of the clock topic with its own time.

Kafka has no request for the time. The topic has one partition, message.timestamp.type=LogAppendTime
and a short retention. Each reading writes one empty message.
"""

import logging
from collections.abc import Mapping

from confluent_kafka import (
    TIMESTAMP_LOG_APPEND_TIME,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
)
from confluent_kafka import Message as Delivered
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # missing in its stubs
    AclOperation,
    AdminClient,
)

from classwaves_ingestor.errors import BrokerRefused, BrokerUnavailable, TopicMissing
from classwaves_ingestor.kafka.admin import REQUEST_SECONDS, map_error, refused_options, result
from classwaves_ingestor.kafka.client_log import ClientLog
from classwaves_ingestor.kafka.topics import (
    APPEND_TIME,
    MOCK_CLUSTER,
    TopicReader,
    describe_topic,
)

log = logging.getLogger(__name__)

_MOCK = "A mock cluster stamps messages with a time that is always the same."


class KafkaBrokerClock:
    """The `BrokerClock` of a Kafka cluster.

    Args:
        options: librdkafka options from the environment.
        admin: client of the same cluster.
        topic: name of the clock topic.
        seconds: timeout of a reading.
    """

    def __init__(
        self, options: Mapping[str, str], admin: AdminClient, topic: str, seconds: float = 5.0
    ) -> None:
        self._topic = topic
        self._reader = TopicReader(admin, topic)
        self._seconds = seconds
        with refused_options():
            self._producer = Producer(
                {
                    "client.id": "classwaves-ingestor-clock",
                    **options,
                    # A repeated or lost message does no harm, and the leader's time is wanted.
                    "acks": 1,
                    "enable.idempotence": False,
                    "linger.ms": 0,
                    "delivery.timeout.ms": int(seconds * 1000),
                },
                logger=ClientLog(log),
            )

    def read(self) -> int:
        """See `BrokerClock.read`."""
        # A cluster may create a missing topic at the first message, with timestamps of producers.
        if self._reader.topic_id() == MOCK_CLUSTER:
            raise BrokerRefused(_MOCK)
        reports: list[tuple[KafkaError | None, tuple[int, int]]] = []

        def on_delivery(error: KafkaError | None, message: Delivered) -> None:
            reports.append((error, message.timestamp()))

        request = f"the time of a broker, by a message to topic {self._topic}"
        try:
            self._producer.produce(self._topic, value=b"", partition=0, on_delivery=on_delivery)
            self._producer.flush(self._seconds)
        except KafkaException as error:
            raise map_error(error, request) from error
        if not reports:
            raise BrokerUnavailable(f"No answer to: {request} (within {self._seconds:.0f} s).")
        failure, (timestamp_type, milliseconds) = reports[0]
        if failure is not None:
            raise map_error(KafkaException(failure), request)
        if timestamp_type != TIMESTAMP_LOG_APPEND_TIME:
            raise BrokerRefused(_wrong_timestamps(self._topic))
        return milliseconds


def find_clock_problem(admin: AdminClient, topic: str) -> str | None:
    """Why this client cannot read a broker's clock from a topic; None if nothing is known.

    Writes nothing.

    Raises:
        BrokerUnavailable: no broker answered.
    """
    try:
        clock_topic = describe_topic(admin, topic)
        if clock_topic.mock:
            return _MOCK
        if clock_topic.timestamp_type != APPEND_TIME:
            return _wrong_timestamps(topic)
        described = admin.describe_topics(
            TopicCollection([topic]),
            include_authorized_operations=True,
            request_timeout=REQUEST_SECONDS,
        )[topic]
        found = result(described, f"the rights on topic {topic}")
    except (TopicMissing, BrokerRefused) as error:
        return str(error)
    if AclOperation.WRITE not in (found.authorized_operations or [AclOperation.WRITE]):
        return f"This client may not write to topic {topic}: grant it the right to."
    return None


def _wrong_timestamps(topic: str) -> str:
    return (
        f"The broker does not stamp messages of topic {topic} with its time: set its "
        f"message.timestamp.type to {APPEND_TIME}."
    )
