"""Creating the topics: session events, dead letters, and the broker's clock."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # missing in its stubs

from classwaves_ingestor.errors import DeadLetterTopicTooSmall, TopicMissing
from classwaves_ingestor.kafka.admin import REQUEST_SECONDS, map_error
from classwaves_ingestor.kafka.topics import APPEND_TIME, TopicDescription, describe_topic, is_mock
from classwaves_ingestor.settings import TopicSettings
from classwaves_runtime.retry import RetryPolicy

_HOUR_MS = 60 * 60 * 1000
_DAY_MS = 24 * _HOUR_MS
_DEAD_LETTER_DAYS = 14
_CLOCK_HOURS = 1

# A broker may not have the metadata of a new topic yet.
_PROPAGATION = RetryPolicy(attempts=None, first=0.1, longest=0.1, seconds=REQUEST_SECONDS)

_EVERY_TOPIC = {
    # A producer's wrong clock or backlog must not decide what retention deletes, and completeness
    # is measured in broker time.
    "message.timestamp.type": APPEND_TIME,
    # The key is the session id: compaction would keep one event of each session.
    "cleanup.policy": "delete",
}

HEADER_BYTES = 64 * 1024
"""Bytes that the headers of a dead letter may add to a message."""


@dataclass(frozen=True, slots=True)
class TopicLayout:
    """Partitions and replication of a topic.

    Args:
        partitions: number of partitions.
        replication_factor: copies of each partition; None takes the cluster's default.
    """

    partitions: int = 6
    replication_factor: int | None = None


def create_topics(
    admin: AdminClient, settings: TopicSettings, layout: TopicLayout
) -> Iterator[str]:
    """Create the missing topics. Yields one sentence for each topic.

    Raises:
        DeadLetterTopicTooSmall: an existing dead-letter topic refuses the largest source messages.
        BrokerUnavailable, BrokerRefused: the request failed.
    """
    source = settings.session_events_topic
    created = _create(admin, source, layout, {})
    events = _describe_new(admin, source)
    yield _sentence(events, created=created)
    limits = {
        "max.message.bytes": str(events.max_message_bytes + HEADER_BYTES),
        # The original bytes are kept only for repairs.
        "retention.ms": str(_DEAD_LETTER_DAYS * _DAY_MS),
    }
    created = _create(admin, settings.dead_letter_topic, layout, limits)
    dead_letters = _describe_new(admin, settings.dead_letter_topic)
    yield _sentence(dead_letters, created=created)
    # Nobody reads the messages, which are empty.
    limits = {"retention.ms": str(_CLOCK_HOURS * _HOUR_MS)}
    created = _create(admin, settings.clock_topic, replace(layout, partitions=1), limits)
    yield _sentence(_describe_new(admin, settings.clock_topic), created=created)
    if not dead_letters.mock:
        check_message_size(events, dead_letters)


def _create(admin: AdminClient, topic: str, layout: TopicLayout, config: Mapping[str, str]) -> bool:
    if is_mock(admin):
        return False
    factor = layout.replication_factor
    # With three copies an acknowledged message survives the loss of one broker. With fewer copies
    # two in-sync replicas would stop all writes at the first loss.
    in_sync = {"min.insync.replicas": "2"} if factor is not None and factor >= 3 else {}
    wanted = NewTopic(
        topic,
        num_partitions=layout.partitions,
        replication_factor=-1 if factor is None else factor,
        config={**_EVERY_TOPIC, **in_sync, **config},
    )
    try:
        admin.create_topics(
            [wanted], operation_timeout=REQUEST_SECONDS, request_timeout=REQUEST_SECONDS
        )[topic].result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise map_error(error, f"the creation of topic {topic}") from error
    return True


def _describe_new(admin: AdminClient, topic: str) -> TopicDescription:
    return _PROPAGATION.run(lambda _: describe_topic(admin, topic), retry_on=TopicMissing)


def _sentence(topic: TopicDescription, *, created: bool) -> str:
    state = "created" if created else "exists"
    sentence = f"{topic.name}: {state}, {len(topic.partitions)} partitions, id {topic.topic_id}"
    if topic.mock:
        return f"{sentence} (a mock cluster has no topic ids and creates topics on first use)"
    if topic.timestamp_type != APPEND_TIME:
        return (
            f"{sentence}; its message.timestamp.type is {topic.timestamp_type}, "
            f"but completeness needs {APPEND_TIME}"
        )
    return sentence


def check_message_size(source: TopicDescription, dead_letters: TopicDescription) -> None:
    """Check that the dead-letter topic accepts the source's largest message with added headers.

    A mock cluster reports and enforces no limits: nothing is checked there.

    Raises:
        DeadLetterTopicTooSmall: max.message.bytes is too low; the message names the needed value.
    """
    needed = source.max_message_bytes + HEADER_BYTES
    if not dead_letters.mock and dead_letters.max_message_bytes < needed:
        raise DeadLetterTopicTooSmall(
            f"Topic {dead_letters.name} accepts messages of {dead_letters.max_message_bytes} "
            f"bytes, but a dead letter of {source.name} may have {needed}: raise its "
            "max.message.bytes to at least that."
        )
