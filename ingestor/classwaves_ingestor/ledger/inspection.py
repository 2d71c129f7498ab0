"""A closer look at offsets without a row: what the messages there are, one by one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from classwaves_ingestor.broker.interface import Message
from classwaves_schemas.fastpath import read
from classwaves_schemas.verdict import explain

Identity = tuple[str, str]
Known = Callable[[Sequence[Identity]], set[Identity]]
"""Which of these (session_id, id) are stored."""

_CHUNK = 20_000


@dataclass(frozen=True, slots=True)
class Inspection:
    """What became of messages that have no row, by offset, ascending.

    Args:
        unstored: valid events whose identity is not stored.
        unlettered: messages that the contract refuses and that have no dead letter.
        lettered: messages that have a dead letter.
        repeats: valid events whose identity is stored from another offset.
    """

    unstored: list[int] = field(default_factory=list)
    unlettered: list[int] = field(default_factory=list)
    lettered: list[int] = field(default_factory=list)
    repeats: list[int] = field(default_factory=list)


def inspect(
    messages: Iterable[Message], letters: frozenset[int], known: Known, now: datetime
) -> Inspection:
    """Look at messages of one partition.

    Args:
        messages: those without a row, ascending.
        letters: offsets of the partition that have a dead letter.
        known: asks the table.
        now: the aware time against which an event is too far ahead.
    """
    found = Inspection()
    remaining = iter(messages)
    while chunk := list(islice(remaining, _CHUNK)):
        events: dict[int, Identity] = {}
        for message in chunk:
            offset = message.offset()
            if offset in letters:
                found.lettered.append(offset)
            elif (identity := _identity(message.value(), now)) is None:
                found.unlettered.append(offset)
            else:
                events[offset] = identity
        stored = known(list(events.values()))
        for offset, identity in events.items():
            (found.repeats if identity in stored else found.unstored).append(offset)
    return found


def _identity(value: bytes | None, now: datetime) -> Identity | None:
    """Of a valid event; None if the contract refuses the message."""
    if value is None or explain(value, now) is not None or (event := read(value)) is None:
        return None
    return event[0].session_id, event[0].id
