"""Faults in messages, and the schedule of faults of processes.

Everything here is a pure function of its arguments: the same day and seed give the same deliveries
in every process, so each producer computes its own part.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import cycle
from random import Random
from types import MappingProxyType
from typing import Any

from classwaves_schemas.envelope import MAX_DEPTH, SCHEMA_VERSION
from classwaves_schemas.validation import Reason
from demo.school_day import NAMES, PLAIN_PODS, Event

Message = Mapping[str, Any]
Malform = Callable[[Message], bytes | None]


def _text(message: Message) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode()


def _with(**changes: object) -> Malform:
    return lambda message: _text({**message, **changes})


def _nested(message: Message) -> bytes:
    deep: object = None
    for _ in range(MAX_DEPTH):
        deep = [deep]
    return _text({**message, "payload": {**message["payload"], "trail": deep}})


def _cut_off(message: Message) -> bytes:
    text = _text(message)
    return text[: len(text) // 2]


MALFORMED: Mapping[Reason, Malform] = MappingProxyType(
    {
        Reason.TOMBSTONE: lambda _: None,
        Reason.EMPTY_VALUE: lambda _: b"",
        Reason.TOO_DEEP: _nested,
        Reason.NOT_JSON: _cut_off,
        Reason.NOT_AN_OBJECT: lambda message: b"[" + _text(message) + b"]",
        Reason.NEWER_SCHEMA_VERSION: _with(schema_version=SCHEMA_VERSION + 1),
        Reason.UNKNOWN_EVENT_TYPE: _with(event_type="session_paused"),
        Reason.MISSING_FIELD: lambda message: _text(
            {key: message[key] for key in message if key != "teacher_id"}
        ),
        Reason.EMPTY_FIELD: _with(teacher_id=""),
        Reason.WRONG_TYPE: _with(teacher_id=42),
        Reason.INVALID_VALUE: _with(event_time="last Monday"),
        Reason.NAIVE_TIME: lambda message: _text(
            {**message, "event_time": message["event_time"].removesuffix("Z")}
        ),
        Reason.TOO_OLD: _with(event_time="1970-01-01T00:00:00.000Z"),
        Reason.TOO_FAR_AHEAD: _with(event_time="2999-01-01T00:00:00.000Z"),
        Reason.REPEATED_FIELD: lambda message: b'{"teacher_id":42,' + _text(message)[1:],
    }
)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that a producer is to send.

    Args:
        due: seconds after the day's begin at which it is sent.
        pod: the process that sends it.
        message: what it says; a malformed one carries the identity of the message that it was made
            from.
        reason: for which it is malformed, so that the contract must refuse it; None if the table
            must hold it once.
    """

    due: float
    pod: str
    message: Mapping[str, Any]
    reason: Reason | None = None

    @property
    def session_id(self) -> str:
        """The session id."""
        return str(self.message["session_id"])

    @property
    def event_id(self) -> str:
        """The event id."""
        return str(self.message["id"])

    @property
    def key(self) -> bytes:
        """The message key."""
        return self.session_id.encode()

    @property
    def value(self) -> bytes | None:
        """The message value; None for a tombstone."""
        if self.reason is not None:
            return MALFORMED[self.reason](self.message)
        return json.dumps(self.message, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class MessageFaults:
    """The rates of message faults, each as a share of all events.

    Args:
        repeats: sent again with the same id some seconds later: of the plain producers' events, by
            any of them.
        late: sent some seconds late.
        malformed: followed by a malformed copy from a plain producer, each kind of refusal in turn.
        personal: with undeclared fields that name a pupil.
    """

    repeats: float = 0.08
    late: float = 0.03
    malformed: float = 0.01
    personal: float = 0.05

    def deliveries(
        self, events: Iterable[Event], begins: datetime, seconds: float, seed: int
    ) -> list[Delivery]:
        """Return a day's messages in the order of sending.

        Args:
            events: of the day, replayed live.
            begins: the time from which `Delivery.due` counts.
            seconds: after which nothing is sent, however late it is.
            seed: of the random faults.
        """
        rng = Random(seed)
        kinds = cycle(rng.sample(list(MALFORMED), len(MALFORMED)))
        sent = [
            delivery
            for event in events
            for delivery in self._sent(event, (event.at - begins).total_seconds(), rng, kinds)
        ]
        return sorted(
            (replace(each, due=min(each.due, seconds)) for each in sent), key=lambda each: each.due
        )

    def _sent(
        self, event: Event, due: float, rng: Random, kinds: Iterator[Reason]
    ) -> Iterator[Delivery]:
        message = event.message
        if rng.random() < self.personal:
            message = _indiscreet(message, rng)
        if rng.random() < self.late:
            due += rng.uniform(0.2, 3.0)
        sent = Delivery(due, event.pod, message)
        yield sent
        if event.pod in PLAIN_PODS and rng.random() < self.repeats:
            yield replace(sent, due=due + rng.uniform(0.5, 4.0), pod=rng.choice(PLAIN_PODS))
        if rng.random() < self.malformed:
            yield replace(sent, pod=rng.choice(PLAIN_PODS), reason=next(kinds))


def _indiscreet(message: dict[str, Any], rng: Random) -> dict[str, Any]:
    name = rng.choice(NAMES)
    personal = {
        "studentName": name,
        "email": f"{name.lower()}@pupils.example",
        "dateOfBirth": "2014-05-01",
    }
    return {**message, "displayName": name, "payload": {**message["payload"], **personal}}


class Target(StrEnum):
    """What a fault hits."""

    CONSUMER = "consumer"
    PRODUCER = "producer"
    BROKER = "broker"
    NETWORK = "network"


class Kind(StrEnum):
    """What happens to it."""

    KILL = "SIGKILL"
    FREEZE = "SIGSTOP"
    FULL_DISK = "full disk"
    CUT = "network cut"


AWAY_SECONDS = {Target.CONSUMER: 4.0, Target.PRODUCER: 2.0, Target.BROKER: 4.0}
"""Seconds from a kill by key to the restart."""


@dataclass(frozen=True, slots=True)
class ScheduledFault:
    """A fault and its end, in seconds after the start of the day.

    Args:
        begin_at: when.
        target: what kind of process it hits.
        end_at: later than `begin_at`; a killed process starts again.
        kind: what happens to the process.
    """

    begin_at: float
    target: Target
    end_at: float
    kind: Kind = Kind.KILL


def scheduled_kills(seconds: float) -> list[ScheduledFault]:
    """Kill a consumer, then the broker, and during the broker's outage a producer.

    At that time only the producer's spool holds its events.
    """
    return [
        ScheduledFault(seconds * 0.15, Target.CONSUMER, seconds * 0.25),
        ScheduledFault(seconds * 0.3, Target.BROKER, seconds * 0.36),
        ScheduledFault(seconds * 0.34, Target.PRODUCER, seconds * 0.42),
    ]


_SOAK_FAULTS: Sequence[tuple[Target, Kind, float, float]] = [
    (Target.CONSUMER, Kind.KILL, 1.0, 8.0),
    (Target.CONSUMER, Kind.KILL, 1.0, 8.0),
    (Target.CONSUMER, Kind.FREEZE, 8.0, 15.0),  # beyond the session timeout
    (Target.CONSUMER, Kind.FULL_DISK, 3.0, 10.0),
    (Target.PRODUCER, Kind.KILL, 1.0, 4.0),
    (Target.BROKER, Kind.KILL, 2.0, 6.0),
    (Target.NETWORK, Kind.CUT, 2.0, 10.0),
]
"""Target, kind, and the least and most seconds that each fault of the soak lasts."""


def random_faults(rng: Random, seconds: float, every: float) -> Iterator[ScheduledFault]:
    """One fault in each interval of `every` seconds, each kind as often as the others.

    Every fault ends before the next one begins, and within the first `seconds`.
    """
    kinds: list[tuple[Target, Kind, float, float]] = []
    for number in range(int(seconds // every)):
        if not kinds:
            kinds = rng.sample(_SOAK_FAULTS, len(_SOAK_FAULTS))
        target, kind, least, most = kinds.pop()
        lasts = min(rng.uniform(least, most), every * 0.75)
        begin_at = number * every + rng.uniform(0, every - lasts)
        yield ScheduledFault(begin_at, target, begin_at + lasts, kind)
