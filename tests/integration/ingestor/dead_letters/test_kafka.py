"""Dead letters in a real topic with a message size limit."""

import pytest

from classwaves_ingestor.dead_letters.dead_letter import DeadLetter, SourceTopic, dead_letter, stub
from classwaves_ingestor.dead_letters.kafka import KafkaDeadLetterWriter
from classwaves_ingestor.errors import DeadLetterTopicTooSmall
from classwaves_ingestor.kafka.memory import MemoryMessage
from classwaves_ingestor.kafka.topics import describe_topic
from tests.integration.ingestor.kafka.kafka_topic import KafkaTopic
from tests.support.topic_reader import read_topic

ORIGIN = SourceTopic("session-events", "id-of-the-topic")
LIMIT = 20_000
HEADERS = (("trace", b"\x00"), ("empty", None))


def dead_letter_of(
    offset: int, value: bytes | None, key=b"\xffkey", headers=(("trace", b"\x00"), ("empty", None))
) -> DeadLetter:
    message = MemoryMessage((3, offset), 1_757_944_682_000, key, value, list(headers))
    return dead_letter(message, "not_json", "The message is not one JSON text in UTF-8.", ORIGIN)


@pytest.fixture
def topic(kafka, topic_name) -> KafkaTopic:
    return KafkaTopic(
        kafka.bootstrap_servers, topic_name, partitions=1, **{"max.message.bytes": str(LIMIT)}
    )


@pytest.fixture
def dead_letters(topic) -> KafkaDeadLetterWriter:
    return KafkaDeadLetterWriter(
        topic.options, topic.name, describe_topic(topic.admin, topic.name).max_message_bytes
    )


def read(topic: KafkaTopic) -> list[DeadLetter]:
    """All dead letters of the topic, ordered by the offset of their source message."""
    messages = read_topic(topic.options["bootstrap.servers"], topic.name)
    found = [DeadLetter(each.key(), each.value(), each.headers()) for each in messages]
    return sorted(found, key=lambda each: int(dict(each.headers)["dead-letter-offset"]))


def test_dead_letters_are_in_the_topic_byte_for_byte_when_write_returns(topic, dead_letters):
    sent = [
        dead_letter_of(0, b"\x00\xff{"),
        dead_letter_of(1, None),
        dead_letter_of(2, b"", key=None, headers=()),
    ]
    dead_letters.write(sent)
    assert topic.end(0) == 3
    assert read(topic) == sent


def test_a_dead_letter_that_is_too_large_becomes_a_stub_and_the_others_stay_whole(
    topic, dead_letters
):
    sent = [
        dead_letter_of(offset, b"x" * size)
        for offset, size in enumerate([10, LIMIT * 2, 20, LIMIT + 1, 30])
    ]
    dead_letters.write(sent)
    assert read(topic) == [sent[0], stub(sent[1]), sent[2], stub(sent[3]), sent[4]]


def test_near_the_limit_every_dead_letter_is_whole_or_a_stub_and_none_is_missing(
    topic, dead_letters
):
    """Client and broker compute sizes that differ by some bytes; the broker may still refuse."""
    sizes = range(LIMIT - 900, LIMIT + 20, 20)
    sent = [dead_letter_of(offset, b"x" * size) for offset, size in enumerate(sizes)]
    dead_letters.write(sent)
    found = read(topic)
    whole = [each == original for each, original in zip(found, sent, strict=True)]
    assert all(
        each in (original, stub(original)) for each, original in zip(found, sent, strict=True)
    )
    assert whole == sorted(whole, reverse=True)
    assert whole[0]
    assert not whole[-1]


def test_a_topic_that_refuses_even_a_stub_is_an_error(kafka, topic_name):
    tiny = KafkaTopic(
        kafka.bootstrap_servers, topic_name, partitions=1, **{"max.message.bytes": "100"}
    )
    with pytest.raises(DeadLetterTopicTooSmall, match=r"raise its max\.message\.bytes"):
        KafkaDeadLetterWriter(tiny.options, tiny.name, 1000).write([dead_letter_of(0, b"x" * 2000)])
