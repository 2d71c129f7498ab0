"""An endless stream of messages: interleaved sessions, some repeats, some bad messages."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from classwaves_schemas.validation import Reason
from tests.support import events

Identity = tuple[str, str]
"""(session_id, id)."""

_TYPES = sorted(events.PAYLOADS)
_REMEMBERED = 2_000
# An event time that was too far ahead of those events' time is in the past now.
_BAD = [value for reason, value in events.BAD.items() if reason is not Reason.TOO_FAR_AHEAD]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message before it is sent. It has no identity if the contract refuses it."""

    key: str
    value: bytes | None
    identity: Identity | None


def valid(session: int, number: int) -> Outgoing:
    """The event with this number in this session."""
    event_type = _TYPES[number % len(_TYPES)]
    made = events.event(event_type, session=session, number=number)
    identity = (str(made["session_id"]), str(made["id"]))
    return Outgoing(identity[0], events.wire(event_type, session=session, number=number), identity)


def mixture(
    seed: int,
    *,
    sessions: int = 40,
    first_session: int = 0,
    repeats: float = 0.03,
    bad: float = 0.04,
) -> Iterator[Outgoing]:
    """Endless messages; equal arguments give equal messages.

    Args:
        seed: of the random choices.
        sessions: number of interleaved sessions.
        first_session: number of the first session.
        repeats: share of messages that repeat one of the last 2,000.
        bad: share of messages that the contract refuses.
    """
    chance = Random(seed)
    numbers: Counter[int] = Counter()
    sent: deque[Outgoing] = deque(maxlen=_REMEMBERED)
    while True:
        session = first_session + chance.randrange(sessions)
        draw = chance.random()
        if draw < bad:
            yield Outgoing(events.session_id(session), chance.choice(_BAD), None)
        elif draw < bad + repeats and sent:
            yield chance.choice(sent)
        else:
            numbers[session] += 1
            sent.append(valid(session, numbers[session]))
            yield sent[-1]
