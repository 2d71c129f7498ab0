"""Reading a topic's description, topic id and watermarks from the cluster."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

from confluent_kafka import IsolationLevel, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # missing in its stubs
    AdminClient,
    ConfigResource,
    OffsetSpec,
    ResourceType,
)

from classwaves_ingestor.errors import BrokerUnavailable
from classwaves_ingestor.kafka.admin import (
    REQUEST_SECONDS,
    connect,
    map_error,
    metadata,
    result,
)
from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_runtime.retry import RetryPolicy

APPEND_TIME = "LogAppendTime"

MOCK_CLUSTER = "mockCluster"
_MOCK_MESSAGE_BYTES = 1_000_000  # librdkafka's default limit of a message

# A partition does not answer during a leader election.
_ELECTION = RetryPolicy(attempts=None, first=0.25, longest=0.25, seconds=REQUEST_SECONDS)


@dataclass(frozen=True, slots=True)
class TopicDescription:
    """A topic as the cluster describes it.

    Args:
        name: topic name.
        topic_id: topic id, in the notation of Kafka's own tools.
        partitions: partition numbers, ascending.
        max_message_bytes: largest message that the topic accepts, in bytes.
        timestamp_type: `LogAppendTime` (broker's clock) or `CreateTime` (producer's clock).
        mock: the topic belongs to librdkafka's mock cluster, which reports neither ids nor limits.
            `topic_id` cannot show a re-creation there, and `max_message_bytes` is not enforced.
    """

    name: str
    topic_id: str
    partitions: tuple[int, ...]
    max_message_bytes: int
    timestamp_type: str
    mock: bool = False


def describe(
    options: Mapping[str, str], topic: str, seconds: float = REQUEST_SECONDS
) -> TopicDescription:
    """Describe a topic of the cluster that these librdkafka options address.

    Args:
        options: librdkafka options from the environment.
        topic: topic name.
        seconds: timeout of each request.

    Raises:
        SettingsError, TopicMissing, BrokerUnavailable, BrokerRefused: the request failed.
    """
    return describe_topic(connect(options), topic, seconds)


def describe_topic(
    admin: AdminClient, topic: str, seconds: float = REQUEST_SECONDS
) -> TopicDescription:
    """Describe a topic.

    Args:
        admin: client of the topic's cluster.
        topic: topic name.
        seconds: timeout of each request.

    Raises:
        TopicMissing, BrokerUnavailable, BrokerRefused: the request failed.
    """
    request = f"a description of topic {topic}"
    if is_mock(admin, seconds):
        return _describe_mock(admin, topic)
    described = admin.describe_topics(TopicCollection([topic]), request_timeout=seconds)
    found = result(described[topic], request)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    configs = admin.describe_configs([resource], request_timeout=seconds)
    config = result(configs[resource], request)
    return TopicDescription(
        name=topic,
        topic_id=topic_id_text(str(found.topic_id)),
        partitions=tuple(sorted(partition.id for partition in found.partitions)),
        max_message_bytes=int(config["max.message.bytes"].value),
        timestamp_type=config["message.timestamp.type"].value,
    )


def _describe_mock(admin: AdminClient, topic: str) -> TopicDescription:
    """Describe a topic of the mock cluster, which creates a topic on the first request for it."""
    partitions = metadata(admin, topic).topics[topic].partitions
    return TopicDescription(
        topic, MOCK_CLUSTER, tuple(sorted(partitions)), _MOCK_MESSAGE_BYTES, "CreateTime", mock=True
    )


def topic_id_text(client_text: str) -> str:
    """A topic id in the notation of Kafka's own tools: URL-safe base64."""
    return client_text.replace("+", "-").replace("/", "_")


def is_mock(admin: AdminClient, seconds: float = REQUEST_SECONDS) -> bool:
    """Whether this is librdkafka's mock cluster, which has no controller for admin requests.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    return str(metadata(admin, seconds=seconds).cluster_id).startswith(MOCK_CLUSTER)


class TopicReader:
    """Reads the current id and watermarks of one topic.

    Args:
        admin: client of the topic's cluster.
        topic: topic name.
    """

    def __init__(self, admin: AdminClient, topic: str) -> None:
        self._admin = admin
        self._topic = topic
        self._mock: bool | None = None

    def watermarks(self, partitions: Collection[int]) -> Mapping[int, Watermarks]:
        """The watermarks of these partitions now, without those that have no leader.

        Raises:
            BrokerUnavailable, BrokerRefused, TopicMissing: the request failed.
        """
        known = metadata(self._admin, self._topic).topics[self._topic]
        if known.error is not None:
            request = f"the watermarks of topic {self._topic}"
            raise map_error(KafkaException(known.error), request)
        led = [
            each
            for each in partitions
            if each in known.partitions and known.partitions[each].leader >= 0
        ]
        low, high = (
            _offsets(self._admin, self._topic, led, spec)
            for spec in (OffsetSpec.earliest(), OffsetSpec.latest())  # type: ignore[no-untyped-call]
        )
        return {partition: Watermarks(low[partition], high[partition]) for partition in led}

    def topic_id(self) -> str:
        """The topic's id now. A topic that was deleted and re-created has another id.

        Raises:
            TopicMissing, BrokerUnavailable, BrokerRefused: the request failed.
        """
        if self._mock is None:
            self._mock = is_mock(self._admin)
        if self._mock:
            return MOCK_CLUSTER
        described = self._admin.describe_topics(
            TopicCollection([self._topic]), request_timeout=REQUEST_SECONDS
        )
        found = result(described[self._topic], f"the id of topic {self._topic}")
        return topic_id_text(str(found.topic_id))


def watermarks(
    admin: AdminClient, topic: str, partitions: Collection[int]
) -> Mapping[int, Watermarks]:
    """The watermarks of these partitions. An open transaction does not lower the high watermark.

    Raises:
        BrokerUnavailable, BrokerRefused, TopicMissing: the request failed.
    """
    low, high = (
        _ELECTION.run(
            partial(_offsets, admin, topic, partitions, spec),
            retry_on=BrokerUnavailable,
        )
        for spec in (OffsetSpec.earliest(), OffsetSpec.latest())  # type: ignore[no-untyped-call]
    )
    return {partition: Watermarks(low[partition], high[partition]) for partition in partitions}


def last_stable_offsets(
    admin: AdminClient, topic: str, partitions: Collection[int]
) -> Mapping[int, int]:
    """The first offset of the oldest open transaction of each partition; its end without one.

    Raises:
        BrokerUnavailable, BrokerRefused, TopicMissing: the request failed.
    """
    spec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    return _offsets(admin, topic, partitions, spec, isolation_level=IsolationLevel.READ_COMMITTED)


def _offsets(
    admin: AdminClient,
    topic: str,
    partitions: Collection[int],
    spec: OffsetSpec,
    _attempt: int = 1,
    *,
    isolation_level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
) -> dict[int, int]:
    if not partitions:
        return {}
    specs = {TopicPartition(topic, partition): spec for partition in partitions}
    # Requests go to the cached leaders; the partitions may be newer than the cache.
    metadata(admin, topic)
    futures = admin.list_offsets(
        specs, request_timeout=REQUEST_SECONDS, isolation_level=isolation_level
    )
    return {
        each.partition: result(future, f"the watermarks of topic {topic}").offset
        for each, future in futures.items()
    }
