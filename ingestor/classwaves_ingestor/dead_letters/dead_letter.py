"""A dead letter: the original message, byte for byte, with the reason and its coordinates."""

import hashlib
from dataclasses import dataclass

from classwaves_ingestor.dead_letters import headers as names
from classwaves_ingestor.kafka.headers import read_headers
from classwaves_ingestor.kafka.interface import Headers, Message
from classwaves_schemas.envelope import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message for the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def bytes(self) -> int:
        """Bytes of key, value and headers, without the few bytes of the record itself."""
        framed = sum(len(name.encode()) + len(value or b"") for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + framed


@dataclass(frozen=True, slots=True)
class SourceTopic:
    """The topic that dead letters come from, with its id."""

    topic: str
    topic_id: str


def dead_letter(message: Message, reason: str, detail: str, source: SourceTopic) -> DeadLetter:
    """The dead letter of a message.

    Args:
        message: the original message.
        reason: a reason code.
        detail: one sentence; it quotes nothing from the message.
        source: topic of the message.
    """
    added = {
        names.REASON: reason,
        names.DETAIL: detail,
        names.TOPIC: source.topic,
        names.TOPIC_ID: source.topic_id,
        names.PARTITION: str(message.partition()),
        names.OFFSET: str(message.offset()),
        names.TIMESTAMP: str(message.timestamp()[1]),
        names.CONTRACT_VERSION: str(SCHEMA_VERSION),
    }
    headers = read_headers(message)
    if headers is None:
        added[names.HEADERS_OMITTED] = "true"
    # A message cannot claim a reason or coordinates: its headers with this prefix are dropped.
    own = [(name, value) for name, value in headers or () if not name.startswith(names.PREFIX)]
    return DeadLetter(
        message.key(),
        message.value(),
        [*own, *((name, value.encode()) for name, value in added.items())],
    )


def stub(whole: DeadLetter) -> DeadLetter:
    """A replacement for a dead letter that is too large: coordinates, size and hash, no content."""
    value = whole.value or b""
    added = [(name, text) for name, text in whole.headers if name.startswith(names.PREFIX)]
    described = [
        (names.STUB, b"true"),
        (names.SIZE, str(len(value)).encode()),
        (names.SHA256, hashlib.sha256(value).hexdigest().encode()),
    ]
    return DeadLetter(None, None, [*added, *described])
