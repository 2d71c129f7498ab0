"""A dead letter: the message as it came, byte for byte, with the reason and the place it came from."""

import hashlib
from dataclasses import dataclass

from classwaves_ingestor.broker.interface import Headers, Message
from classwaves_ingestor.dead_letters import headers as names
from classwaves_schemas.envelope import SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Letter:
    """What is produced to the dead-letter topic."""

    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def bytes(self) -> int:
        """Its key, value and headers together; a record adds a few bytes each."""
        framed = sum(len(name.encode()) + len(value or b"") for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + framed


@dataclass(frozen=True, slots=True)
class Origin:
    """The topic that letters come from, and its incarnation."""

    topic: str
    topic_id: str


def letter(message: Message, reason: str, detail: str, origin: Origin) -> Letter:
    """The letter of a message that cannot be stored for this reason.

    Args:
        message: as the broker gave it.
        reason: a reason code.
        detail: one sentence that quotes nothing of the message.
        origin: where the message lies.
    """
    added = {
        names.REASON: reason,
        names.DETAIL: detail,
        names.TOPIC: origin.topic,
        names.TOPIC_ID: origin.topic_id,
        names.PARTITION: str(message.partition()),
        names.OFFSET: str(message.offset()),
        names.TIMESTAMP: str(message.timestamp()[1]),
        names.CONTRACT_VERSION: str(SCHEMA_VERSION),
    }
    # Only we may say why and where: whatever a message says in these names is left out.
    own = [
        (name, value)
        for name, value in message.headers() or ()
        if not name.startswith(names.PREFIX)
    ]
    return Letter(
        message.key(),
        message.value(),
        [*own, *((name, value.encode()) for name, value in added.items())],
    )


def stub(whole: Letter) -> Letter:
    """What stands for a letter that its topic does not take: coordinates, size and hash, and nothing of the message."""
    value = whole.value or b""
    added = [(name, text) for name, text in whole.headers if name.startswith(names.PREFIX)]
    described = [
        (names.STUB, b"true"),
        (names.SIZE, str(len(value)).encode()),
        (names.SHA256, hashlib.sha256(value).hexdigest().encode()),
    ]
    return Letter(None, None, [*added, *described])
