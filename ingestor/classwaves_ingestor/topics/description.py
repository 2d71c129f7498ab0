"""What a topic is like."""

from collections.abc import Mapping
from dataclasses import dataclass

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType  # type: ignore[attr-defined]  # they are

from classwaves_ingestor.topics.admin import SECONDS, answer, connect, metadata

APPEND_TIME = "LogAppendTime"

MOCK_CLUSTER = "mockCluster"
_MOCK_MESSAGE_BYTES = 1_000_000  # librdkafka's own default for what a client sends


@dataclass(frozen=True, slots=True)
class Description:
    """A topic as the cluster describes it.

    Args:
        name: what it is called.
        topic_id: the id of its present incarnation, as Kafka's own tools write it.
        partitions: their numbers, ascending.
        max_message_bytes: how large a message it takes.
        timestamp_type: whose time a message bears, `LogAppendTime` (the broker's) or `CreateTime` (the producer's).
        mock: it lives in librdkafka's mock cluster, which tells neither ids nor limits: `topic_id` cannot show that
            the topic was created again, and `max_message_bytes` is not enforced.
    """

    name: str
    topic_id: str
    partitions: tuple[int, ...]
    max_message_bytes: int
    timestamp_type: str
    mock: bool = False


def describe(options: Mapping[str, str], topic: str) -> Description:
    """A topic of the cluster that these options of librdkafka lead to.

    Raises:
        SettingsError, TopicMissing, BrokerUnavailable, BrokerRefused: it cannot be described.
    """
    return describe_topic(connect(options), topic)


def describe_topic(admin: AdminClient, topic: str) -> Description:
    """A topic of a cluster.

    Raises:
        TopicMissing, BrokerUnavailable, BrokerRefused: it cannot be described.
    """
    asked = f"a description of topic {topic}"
    if is_mock(admin):
        return _describe_mock(admin, topic)
    described = admin.describe_topics(TopicCollection([topic]), request_timeout=SECONDS)
    found = answer(described[topic], asked)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    config = answer(admin.describe_configs([resource], request_timeout=SECONDS)[resource], asked)
    return Description(
        name=topic,
        topic_id=topic_id_text(str(found.topic_id)),
        partitions=tuple(sorted(partition.id for partition in found.partitions)),
        max_message_bytes=int(config["max.message.bytes"].value),
        timestamp_type=config["message.timestamp.type"].value,
    )


def topic_id_text(client_text: str) -> str:
    """A topic id as Kafka's own tools write it: URL-safe base64, where librdkafka takes the other alphabet."""
    return client_text.replace("+", "-").replace("/", "_")


def is_mock(admin: AdminClient) -> bool:
    """Whether the cluster is librdkafka's mock, which has no controller to answer admin requests.

    Raises:
        BrokerUnavailable: no cluster answers.
    """
    return str(metadata(admin).cluster_id).startswith(MOCK_CLUSTER)


def _describe_mock(admin: AdminClient, topic: str) -> Description:
    """The mock makes a topic when it is first asked about it."""
    partitions = metadata(admin, topic).topics[topic].partitions
    return Description(
        topic, MOCK_CLUSTER, tuple(sorted(partitions)), _MOCK_MESSAGE_BYTES, "CreateTime", mock=True
    )
