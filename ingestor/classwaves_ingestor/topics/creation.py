"""Making the topics of session events and of dead letters."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # exported all the same
from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from classwaves_ingestor.dead_letters.room import HEADER_ROOM, require_room
from classwaves_ingestor.errors import TopicMissing
from classwaves_ingestor.settings import TopicSettings
from classwaves_ingestor.topics.admin import SECONDS, failure
from classwaves_ingestor.topics.description import APPEND_TIME, Description, describe_topic, is_mock

_DAY_MS = 24 * 60 * 60 * 1000
_LETTER_DAYS = 14

_EVERY_TOPIC = {
    # Neither a producer's wrong clock nor its backlog may decide what retention deletes, and how far a partition is
    # stored is told in broker time.
    "message.timestamp.type": APPEND_TIME,
    # The key is the session: compaction would keep one event of each.
    "cleanup.policy": "delete",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a topic is spread over the cluster.

    Args:
        partitions: how many.
        replication_factor: copies of each, or None for the cluster's default.
    """

    partitions: int = 6
    replication_factor: int | None = None


def create_topics(admin: AdminClient, settings: TopicSettings, shape: Shape) -> Iterator[str]:
    """Create the topics that are not there, and say of each what was done.

    Raises:
        DeadLetterTopicTooSmall: a dead-letter topic was there, and does not take every message of the other.
        BrokerUnavailable, BrokerRefused: the cluster did not do it.
    """
    source = settings.session_events_topic
    made = _create(admin, source, shape, {})
    events = _described(admin, source)
    yield _sentence(events, made=made)
    limits = {
        "max.message.bytes": str(events.max_message_bytes + HEADER_ROOM),
        # Original bytes are kept only as long as somebody may repair them.
        "retention.ms": str(_LETTER_DAYS * _DAY_MS),
    }
    made = _create(admin, settings.dead_letter_topic, shape, limits)
    letters = _described(admin, settings.dead_letter_topic)
    yield _sentence(letters, made=made)
    if not letters.mock:
        require_room(events, letters)


def _create(admin: AdminClient, topic: str, shape: Shape, config: Mapping[str, str]) -> bool:
    if is_mock(admin):
        return False
    factor = shape.replication_factor
    # With three copies, an acknowledged message survives the loss of one; with fewer, writing would stop at the first.
    in_sync = {"min.insync.replicas": "2"} if factor is not None and factor >= 3 else {}
    wanted = NewTopic(
        topic,
        num_partitions=shape.partitions,
        replication_factor=-1 if factor is None else factor,
        config={**_EVERY_TOPIC, **in_sync, **config},
    )
    try:
        admin.create_topics([wanted], operation_timeout=SECONDS, request_timeout=SECONDS)[
            topic
        ].result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS:
            return False
        raise failure(error, f"the creation of topic {topic}") from error
    return True


# A broker that has not heard of the new topic yet says that there is none.
@retry(
    retry=retry_if_exception_type(TopicMissing),
    stop=stop_after_delay(SECONDS),
    wait=wait_fixed(0.1),
    reraise=True,
)
def _described(admin: AdminClient, topic: str) -> Description:
    return describe_topic(admin, topic)


def _sentence(topic: Description, *, made: bool) -> str:
    what = "created" if made else "exists"
    told = f"{topic.name}: {what}, {len(topic.partitions)} partitions, id {topic.topic_id}"
    if topic.mock:
        return f"{told} (a mock cluster tells no id, and makes topics as they are named)"
    if topic.timestamp_type != APPEND_TIME:
        return f"{told}; its message.timestamp.type is {topic.timestamp_type}: {APPEND_TIME} is what completeness needs"
    return told
