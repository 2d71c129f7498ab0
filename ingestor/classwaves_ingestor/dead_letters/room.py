"""Whether the dead-letter topic has room for every message of the source topic."""

from classwaves_ingestor.errors import DeadLetterTopicTooSmall
from classwaves_ingestor.topics.description import Description

HEADER_ROOM = 64 * 1024
"""Bytes that a letter's own headers may add to the message."""


def require_room(source: Description, letters: Description) -> None:
    """Check that the largest message of the source topic fits with a letter's headers.

    A mock cluster tells no limits and enforces none: nothing is checked there.

    Raises:
        DeadLetterTopicTooSmall: says by how much to raise max.message.bytes.
    """
    least = source.max_message_bytes + HEADER_ROOM
    if not letters.mock and letters.max_message_bytes < least:
        raise DeadLetterTopicTooSmall(
            f"Topic {letters.name} takes messages of {letters.max_message_bytes} bytes, but a dead letter of "
            f"{source.name} may have {least}: set its max.message.bytes to at least that."
        )
