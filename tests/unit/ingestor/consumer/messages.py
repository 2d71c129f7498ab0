"""Messages and columns for the tests of the stages."""

from collections.abc import Sequence

from classwaves_ingestor.broker.interface import Headers
from classwaves_ingestor.broker.memory import MemoryMessage
from classwaves_ingestor.consumer.decode import Decoded, Decoder
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
    """A valid event that lies here and nowhere else."""
    return message(partition, offset, events.wire(session=partition, number=offset + 1))


def bad(partition: int, offset: int) -> MemoryMessage:
    """A message that is no event."""
    return message(partition, offset, b"not an event")


def decoded(messages: Sequence[MemoryMessage]) -> Decoded:
    return Decoder("topic-1", None).decode(messages, events.NOW)
