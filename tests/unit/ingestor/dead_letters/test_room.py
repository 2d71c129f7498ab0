import pytest

from classwaves_ingestor.dead_letters.room import require_room
from classwaves_ingestor.errors import DeadLetterTopicTooSmall
from classwaves_ingestor.topics.description import Description


def topic(name: str, max_message_bytes: int, *, mock: bool = False) -> Description:
    return Description(name, f"id of {name}", (0,), max_message_bytes, "LogAppendTime", mock)


def test_a_topic_with_room_for_the_headers_is_large_enough():
    require_room(topic("events", 1_000_000), topic("letters", 1_000_000 + 64 * 1024))


def test_a_topic_one_byte_smaller_is_refused_with_the_least_that_will_do():
    with pytest.raises(
        DeadLetterTopicTooSmall, match=r"letters takes messages of 1065535 bytes.* at least that"
    ):
        require_room(topic("events", 1_000_000), topic("letters", 1_000_000 + 64 * 1024 - 1))


def test_a_mock_cluster_has_no_limits_to_compare():
    require_room(topic("events", 1_000_000, mock=True), topic("letters", 1_000_000, mock=True))
