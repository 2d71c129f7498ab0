import pytest

from classwaves_ingestor.errors import DeadLetterTopicTooSmall
from classwaves_ingestor.kafka.topic_creation import check_message_size
from classwaves_ingestor.kafka.topics import TopicDescription


def topic(name: str, max_message_bytes: int, *, mock: bool = False) -> TopicDescription:
    return TopicDescription(name, f"id of {name}", (0,), max_message_bytes, "LogAppendTime", mock)


def test_a_topic_that_fits_message_and_headers_is_accepted():
    check_message_size(topic("events", 1_000_000), topic("dead-letters", 1_000_000 + 64 * 1024))


def test_a_topic_one_byte_too_small_is_refused_with_the_needed_size():
    with pytest.raises(
        DeadLetterTopicTooSmall, match=r"letters accepts messages of 1065535 bytes.* at least that"
    ):
        check_message_size(
            topic("events", 1_000_000), topic("dead-letters", 1_000_000 + 64 * 1024 - 1)
        )


def test_a_mock_cluster_is_not_checked():
    check_message_size(
        topic("events", 1_000_000, mock=True), topic("dead-letters", 1_000_000, mock=True)
    )
