from classwaves_ingestor.kafka.memory import MemoryMessage
from classwaves_ingestor.reconciliation.inspection import inspect
from tests.support.events import NOW, plain


def at(offset: int, value: bytes | None) -> MemoryMessage:
    return MemoryMessage((0, offset), 0, None, value, None)


def event(id_: str) -> bytes:
    return plain(id=id_, session_id="s1")


def test_every_message_without_a_row_is_classified():
    messages = [
        at(3, event("lost")),
        at(4, event("kept")),
        at(6, b"bad"),
        at(7, b"worse"),
        at(9, None),
    ]
    found = inspect(messages, frozenset({7}), {("s1", "kept")}.intersection, NOW)
    assert found.unstored == [3]
    assert found.repeats == [4]
    assert found.without_dead_letter == [6, 9]
    assert found.dead_lettered == [7]


def test_an_event_with_a_dead_letter_is_not_missing_even_if_it_is_valid_now():
    assert inspect([at(3, event("was-too-far-ahead"))], frozenset({3}), set, NOW).unstored == []
