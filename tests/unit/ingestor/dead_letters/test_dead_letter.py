import hashlib

from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.dead_letters.dead_letter import DeadLetter, SourceTopic, dead_letter, stub
from classwaves_ingestor.dead_letters.memory import MemoryDeadLetterWriter
from classwaves_ingestor.kafka.memory import MemoryMessage

ORIGIN = SourceTopic("session-events", "id-of-the-topic")
OURS = {
    "dead-letter-reason": b"not_json",
    "dead-letter-detail": b"No JSON.",
    "dead-letter-topic": b"session-events",
    "dead-letter-topic-id": b"id-of-the-topic",
    "dead-letter-partition": b"3",
    "dead-letter-offset": b"17",
    "dead-letter-timestamp": b"1757944682000",
    "dead-letter-contract-version": b"1",
}

some_bytes = st.none() | st.binary(max_size=20)
header_names = st.text(max_size=8) | st.sampled_from(
    [*OURS, "dead-letter-stub", "dead-letter-", "Dead-Letter-Reason"]
)


def dead_letter_of(value=b"value", key=b"key", headers=None) -> DeadLetter:
    return dead_letter(
        MemoryMessage((3, 17), 1_757_944_682_000, key, value, headers),
        "not_json",
        "No JSON.",
        ORIGIN,
    )


@given(
    some_bytes, some_bytes, st.none() | st.lists(st.tuples(header_names, some_bytes), max_size=5)
)
def test_a_dead_letter_is_the_message_byte_for_byte_with_added_headers(value, key, headers):
    found = dead_letter_of(value, key, headers)
    assert (found.value, found.key) == (value, key)
    own = [(name, text) for name, text in headers or [] if not name.startswith("dead-letter-")]
    assert list(found.headers) == [*own, *OURS.items()]


def test_headers_of_a_message_with_our_prefix_are_dropped():
    found = dead_letter_of(
        headers=[("dead-letter-stub", b"true"), ("dead-letter-reason", b"none"), ("trace", b"1")]
    )
    assert dict(found.headers) == {"trace": b"1", **OURS}


def test_a_dead_letter_says_that_it_omits_headers_that_cannot_be_read():
    message = MemoryMessage(
        (3, 17), 1_757_944_682_000, b"key", b"value", [("trace", b"1"), (b"zur\xfcck", b"2")]
    )
    for _ in range(2):
        found = dead_letter(message, "not_json", "No JSON.", ORIGIN)
        assert (found.value, found.key) == (b"value", b"key")
        assert dict(found.headers) == {**OURS, "dead-letter-headers-omitted": b"true"}
    assert dict(stub(found).headers)["dead-letter-headers-omitted"] == b"true"


@given(some_bytes, some_bytes, st.lists(st.tuples(header_names, some_bytes), max_size=5))
def test_a_stub_has_coordinates_and_no_content(value, key, headers):
    found = stub(dead_letter_of(value, key, headers))
    assert (found.key, found.value) == (None, None)
    assert dict(found.headers) == {
        **OURS,
        "dead-letter-stub": b"true",
        "dead-letter-size": str(len(value or b"")).encode(),
        "dead-letter-sha256": hashlib.sha256(value or b"").hexdigest().encode(),
    }
    assert len(found.headers) == len(OURS) + 3


def test_the_bytes_of_a_dead_letter_include_key_value_and_headers():
    assert DeadLetter(b"key", b"value", [("ä", b"12"), ("b", None)]).bytes == 3 + 5 + 2 + 2 + 1


def test_the_memory_writer_keeps_a_stub_of_a_large_dead_letter():
    writer = MemoryDeadLetterWriter(max_bytes=dead_letter_of(b"x" * 10).bytes)
    writer.write([dead_letter_of(b"x" * 10), dead_letter_of(b"x" * 11)])
    assert writer.dead_letters == [dead_letter_of(b"x" * 10), stub(dead_letter_of(b"x" * 11))]
