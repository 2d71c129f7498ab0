"""Inspecting the messages without a row, one by one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from classwaves_ingestor.kafka.interface import Message
from classwaves_schemas.fastpath import parse
from classwaves_schemas.validation import explain

Identity = tuple[str, str]
StoredIdentities = Callable[[Sequence[Identity]], set[Identity]]
"""Which of these (session_id, id) are stored."""

_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Inspection:
    """Classes of the messages without a row, as ascending offsets.

    Args:
        unstored: valid events whose identity is not stored.
        without_dead_letter: refused messages without a dead letter.
        dead_lettered: messages with a dead letter.
        repeats: valid events whose identity is stored from another offset.
    """

    unstored: list[int] = field(default_factory=list)
    without_dead_letter: list[int] = field(default_factory=list)
    dead_lettered: list[int] = field(default_factory=list)
    repeats: list[int] = field(default_factory=list)


def inspect(
    messages: Iterable[Message],
    dead_letters: frozenset[int],
    stored_identities: StoredIdentities,
    now: datetime,
) -> Inspection:
    """Classify messages of one partition.

    Args:
        messages: those without a row, ascending.
        dead_letters: offsets of the partition with a dead letter.
        stored_identities: queries the table.
        now: aware time; the limit for future event times.
    """
    found = Inspection()
    remaining = iter(messages)
    while chunk := list(islice(remaining, _CHUNK)):
        events: dict[int, Identity] = {}
        for message in chunk:
            offset = message.offset()
            if offset in dead_letters:
                found.dead_lettered.append(offset)
            elif (identity := _identity(message.value(), now)) is None:
                found.without_dead_letter.append(offset)
            else:
                events[offset] = identity
        stored = stored_identities(list(events.values()))
        for offset, identity in events.items():
            (found.repeats if identity in stored else found.unstored).append(offset)
    return found


def _identity(value: bytes | None, now: datetime) -> Identity | None:
    """The identity of a valid event; None for a refused message."""
    if value is None or explain(value, now) is not None or (event := parse(value)) is None:
        return None
    return event[0].session_id, event[0].id
