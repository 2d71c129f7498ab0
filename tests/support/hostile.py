"""An endless stream of hostile messages: values, keys and headers that nobody should send."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from tests.support import events
from tests.support.mixture import mixture

Headers = Sequence[tuple[bytes, bytes | None]]

_NUMBERS = [0, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 1.0, 1e308, float("inf"), float("nan")]
_TEXTS = [
    "",
    " ",
    "\0",
    "\ud800",
    "é" * 300,
    "x" * 20_000,
    "2025-13-45T99:99:99Z",
    "null",
    "' OR 1",
]
_KEYS = [None, b"", b"\xff" * 9, b"k" * 60_000]
_NAMES = sorted(events.event())
_TIMES = [
    "2025-09-15T13:58:02.1234567890123Z",
    "2025-09-15T13:58:02+25:00",
    "0000-00-00T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "2025-09-15T23:59:60Z",
    "-1",
]


@dataclass(frozen=True, slots=True)
class HostileMessage:
    """A message as its producer sends it; names of headers are any bytes."""

    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def is_raw(self) -> bool:
        """Whether Kafka's own clients for Python refuse to send it: a name is not UTF-8."""
        return any(_not_utf8(name) for name, _ in self.headers)


def hostile(seed: int) -> Iterator[HostileMessage]:
    """Endless messages; equal seeds give equal messages. About a third are valid events."""
    chance = Random(seed)
    ordinary = mixture(seed, repeats=0.2, bad=0.2)
    makers: Sequence[Callable[[Random, bytes], bytes | None]] = [
        _unchanged,
        _unchanged,
        _unchanged,
        _mutated,
        _mutated,
        _with_another_field,
        _with_another_field,
        _with_another_field,
        _noise,
        _nested,
    ]
    while True:
        given = next(ordinary)
        value = given.value
        if value is not None:
            value = chance.choice(makers)(chance, value)
        key = chance.choice([given.key.encode(), given.key.encode(), *_KEYS])
        yield HostileMessage(key, value, _headers(chance))


def _unchanged(_chance: Random, value: bytes) -> bytes:
    return value


def _mutated(chance: Random, value: bytes) -> bytes:
    """The value with a few bytes changed, inserted, repeated or cut off."""
    changed = bytearray(value)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        step = chance.randrange(4)
        if step == 0:
            changed[at : at + 1] = chance.randbytes(1)
        elif step == 1:
            changed[at:at] = chance.choice([b'"', b"{", b"}", b"\\u", b"\xc3", b"\0", b","])
        elif step == 2:
            changed[at:at] = changed[at : at + chance.randint(1, 40)]
        else:
            del changed[at : at + chance.randint(1, 200)]
    return bytes(changed)


def _with_another_field(chance: Random, value: bytes) -> bytes:
    """The event with one field replaced, removed or added, at any depth of the payload."""
    try:
        event = json.loads(value)
    except ValueError:
        return value
    if not isinstance(event, dict):
        return value
    place = event
    if chance.random() < 0.4 and isinstance(event.get("payload"), dict):
        place = event["payload"]
    name = chance.choice([*place, *_NAMES, "undeclared", ""])
    if chance.random() < 0.2:
        place.pop(name, None)
    elif name == "event_time" and chance.random() < 0.5:
        place[name] = chance.choice(_TIMES)
    else:
        place[name] = _anything(chance, depth=3)
    return json.dumps(event).encode()


def _noise(chance: Random, _value: bytes) -> bytes:
    return chance.randbytes(chance.randint(0, 2_000))


def _nested(chance: Random, _value: bytes) -> bytes:
    depth = chance.choice([2, 33, 1_000, 50_000])
    opening, closing = chance.choice([(b"[", b"]"), (b'{"payload":', b"}")])
    return opening * depth + b"1" + closing * depth


def _anything(chance: Random, depth: int) -> object:
    kind = chance.randrange(6 if depth else 4)
    if kind == 0:
        return chance.choice(_NUMBERS)
    if kind == 1:
        return chance.choice(_TEXTS)
    if kind == 2:
        return chance.choice([None, True, False])
    if kind == 3:
        return chance.random() * 10 ** chance.randint(-300, 300)
    if kind == 4:
        return [_anything(chance, depth - 1) for _ in range(chance.randint(0, 4))]
    return {
        chance.choice([*_NAMES, "x", ""]): _anything(chance, depth - 1)
        for _ in range(chance.randint(0, 4))
    }


def _headers(chance: Random) -> Headers:
    kind = chance.randrange(40)
    if kind == 0:
        return [(b"n%d" % number, chance.randbytes(8)) for number in range(200)]
    if kind == 1:
        return [(b"", b""), ("naïve".encode(), None), (b"big", b"x" * 30_000)]
    if kind == 2:
        return [(b"dead-letter-offset", b"7"), (b"dead-letter-topic-id", b"\xff\xfe")]
    if kind == 3 and chance.random() < 0.5:
        return [(b"zur\xfcck", b"1"), (b"good", b"2")]
    return []


def _not_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return True
    return False
