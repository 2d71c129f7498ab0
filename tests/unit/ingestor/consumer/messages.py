"""Messages and columns for the tests of the stages."""

from collections.abc import Sequence

from classwaves_ingestor.consumer.decode import Decoded, Decoder
from classwaves_ingestor.kafka.interface import Headers
from classwaves_ingestor.kafka.memory import MemoryMessage
from tests.support import events


def message(
    partition: int = 0,
    offset: int = 0,
    value: bytes | None = b"",
    key: bytes | None = None,
    headers: Headers | None = None,
) -> MemoryMessage:
    return MemoryMessage((partition, offset), 1_757_944_682_000, key, value, headers)


def good(partition: int, offset: int) -> MemoryMessage:
    """A valid event with a unique identity."""
    return message(partition, offset, events.wire(session=partition, number=offset + 1))


def bad(partition: int, offset: int) -> MemoryMessage:
    """A message that is not an event."""
    return message(partition, offset, b"not an event")


def decoded(messages: Sequence[MemoryMessage]) -> Decoded:
    return Decoder("topic-1", None).decode(messages, events.NOW)
