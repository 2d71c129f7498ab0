import hashlib

from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.broker.memory import MemoryMessage
from classwaves_ingestor.dead_letters.letter import Letter, Origin, letter, stub
from classwaves_ingestor.dead_letters.memory import MemoryDeadLetters

ORIGIN = Origin("session-events", "id-of-the-topic")
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


def letter_of(value=b"value", key=b"key", headers=None) -> Letter:
    return letter(
        MemoryMessage((3, 17), 1_757_944_682_000, key, value, headers),
        "not_json",
        "No JSON.",
        ORIGIN,
    )


@given(
    some_bytes, some_bytes, st.none() | st.lists(st.tuples(header_names, some_bytes), max_size=5)
)
def test_a_letter_is_the_message_byte_for_byte_and_our_headers(value, key, headers):
    found = letter_of(value, key, headers)
    assert (found.value, found.key) == (value, key)
    own = [(name, text) for name, text in headers or [] if not name.startswith("dead-letter-")]
    assert list(found.headers) == [*own, *OURS.items()]


def test_headers_of_a_message_that_imitate_ours_are_left_out():
    found = letter_of(
        headers=[("dead-letter-stub", b"true"), ("dead-letter-reason", b"none"), ("trace", b"1")]
    )
    assert dict(found.headers) == {"trace": b"1", **OURS}


@given(some_bytes, some_bytes, st.lists(st.tuples(header_names, some_bytes), max_size=5))
def test_a_stub_says_where_it_came_from_and_holds_nothing_of_the_message(value, key, headers):
    found = stub(letter_of(value, key, headers))
    assert (found.key, found.value) == (None, None)
    assert dict(found.headers) == {
        **OURS,
        "dead-letter-stub": b"true",
        "dead-letter-size": str(len(value or b"")).encode(),
        "dead-letter-sha256": hashlib.sha256(value or b"").hexdigest().encode(),
    }
    assert len(found.headers) == len(OURS) + 3


def test_a_letters_bytes_are_all_that_it_carries():
    assert Letter(b"key", b"value", [("ä", b"12"), ("b", None)]).bytes == 3 + 5 + 2 + 2 + 1


def test_the_topic_in_the_process_takes_a_stub_for_what_is_too_large():
    letters = MemoryDeadLetters(limit=letter_of(b"x" * 10).bytes)
    letters.write([letter_of(b"x" * 10), letter_of(b"x" * 11)])
    assert letters.letters == [letter_of(b"x" * 10), stub(letter_of(b"x" * 11))]
