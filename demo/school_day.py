"""One or more school days: lessons in several schools, as a pure function of their arguments.

Payloads have the shapes that the backend emits today, the shapes of its older code, and shapes
that its live code paths allow.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, Self
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Event:
    """An event as its component would tell it.

    Args:
        at: when it happened.
        pod: the process that tells it.
        message: the whole message as a JSON object, never changed.
    """

    at: datetime
    pod: str
    message: dict[str, Any]

    def moved(self, at: datetime) -> Self:
        """The same at another time."""
        payload = self.message["payload"]
        if "timestamp" in payload:
            payload = {**payload, "timestamp": wire_time(at)}
        return replace(
            self, at=at, message={**self.message, "event_time": wire_time(at), "payload": payload}
        )


def wire_time(at: datetime) -> str:
    """A time as JavaScript's toISOString writes it: UTC, three digits, Z."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


CONTROLLER, OLD_CONTROLLER = "session-controller-1", "session-controller-2"
SOCKETS = ("websocket-handler-1", "websocket-handler-2")
GUIDANCE = "guidance-handler-1"
SDK_PODS = (CONTROLLER, *SOCKETS)
PLAIN_PODS = (OLD_CONTROLLER, GUIDANCE)
PODS = (*SDK_PODS, *PLAIN_PODS)

NAMES = ("Maya", "Zoë", "O'Neil", "Anneliese", "Tariq", "Björn")
"""Pupils whose names a producer lets slip; none of them may ever reach the table."""

_ACTIONS = ("acknowledge", "use", "use", "dismiss", "snooze", "copy", "save_exit_check")
_REASONS = (
    *["planned_completion"] * 4,
    "early_completion",
    "time_constraint",
    "technical_issue",
    "student_behavior",
)
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"


def new_id(rng: Random) -> str:
    """A UUID version 4, the same for the same generator."""
    return str(UUID(int=rng.getrandbits(128), version=4))


@dataclass(frozen=True, slots=True)
class Group:
    """A table of pupils with one kiosk device; the first pupil leads."""

    id: str
    number: int
    pupils: tuple[str, ...]


class Lesson:
    """A session that writes itself down. Use it once: `events` draws from the generator.

    Args:
        rng: decides everything that is not given.
        school_id, teacher_id: whose session it is.
        begins: when its teacher means to start it.
    """

    def __init__(self, rng: Random, school_id: str, teacher_id: str, begins: datetime) -> None:
        self._rng = rng
        self._school_id = school_id
        self._teacher_id = teacher_id
        self._begins = begins
        self._session_id = new_id(rng)
        self._controller = rng.choice((CONTROLLER, CONTROLLER, OLD_CONTROLLER))
        self._socket = rng.choice(SOCKETS)
        self._groups = [
            Group(new_id(rng), number, tuple(new_id(rng) for _ in range(rng.randint(3, 5))))
            for number in range(1, rng.randint(4, 6) + 1)
        ]
        self._recorded: list[tuple[datetime, str, str, dict[str, Any]]] = []

    def events(self) -> list[Event]:
        """Return all events of the session in time order; sequences are dense from 1."""
        started = self._begins + self._minutes(0, 2)
        ended = started + self._minutes(30, 45)
        self._configure(self._begins - self._minutes(5, 10))
        self._gather(started)
        self._start(started)
        if self._rng.random() < 0.2:
            self._start(started + (ended - started) * self._rng.uniform(0.4, 0.6))
        self._teach(started, ended)
        self._part(started, ended)
        self._end(started, ended)
        return self._written_down()

    def _configure(self, at: datetime) -> None:
        sizes = [len(group.pupils) for group in self._groups]
        plan = {
            "numberOfGroups": len(sizes),
            "groupSize": max(sizes),
            "groups": [
                {
                    "name": self._group_name(group),
                    "leaderId": group.pupils[0],
                    "memberIds": list(group.pupils[1:]),
                }
                for group in self._groups
            ],
        }
        today = {"groupPlan": plan, "groupCount": len(sizes), **_seen(at, "session_controller")}
        older = {
            "numberOfGroups": len(sizes),
            "groupSize": max(sizes),
            "totalMembers": sum(sizes),
            "leadersAssigned": len(sizes),
        }
        oldest = {"sessionId": self._session_id, "status": "created"}
        self._tell(at, self._controller, "configured", self._mostly(today, older, oldest))

    def _gather(self, started: datetime) -> None:
        """Pupils join in the four minutes before the start, a few late; then leaders are ready."""
        for group in self._groups:
            for count, pupil in enumerate(group.pupils, 1):
                late = self._rng.random() < 0.05
                self._join(
                    group,
                    pupil,
                    count,
                    started + (self._minutes(1, 8) if late else -self._minutes(0.5, 4)),
                )
            at = started - self._minutes(0.05, 0.4)
            today = {
                "groupId": group.id,
                "leaderId": group.pupils[0],
                **_seen(at, "websocket_service"),
            }
            older = {"groupId": group.id, "groupNumber": group.number, "timestamp": wire_time(at)}
            self._tell(at, self._socket, "leader_ready", self._mostly(today, older))

    def _join(self, group: Group, pupil: str, count: int, at: datetime) -> None:
        bare = {"groupId": group.id, "memberCount": count}
        test = {"sessionId": self._session_id, "groupId": group.id, "studentId": pupil}
        live = {
            "groupId": None,
            "studentId": pupil,
            "role": "student",
            **_seen(at, "session_controller"),
        }
        self._tell(at, self._socket, "member_join", self._mostly(live, test, bare))

    def _start(self, at: datetime) -> None:
        ready = len(self._groups)
        seen = _seen(at, "session_controller")
        today = {
            "readyGroupsAtStart": ready,
            "startedWithoutReadyGroups": False,
            **seen,
            "readinessRatio": 1,
        }
        none = {
            "readyGroupsAtStart": 0,
            "startedWithoutReadyGroups": False,
            **seen,
            "readinessRatio": 0,
        }
        socket = {
            "readyGroupsAtStart": ready - 1,
            "startedWithoutReadyGroups": True,
            **_seen(at, "websocket"),
        }
        test = {
            "totalGroups": ready,
            "targetGroupSize": max(len(group.pupils) for group in self._groups),
        }
        self._tell(at, self._controller, "started", self._mostly(today, none, socket, test))

    def _teach(self, started: datetime, ended: datetime) -> None:
        for _ in range(self._rng.randint(12, 36)):
            payload = {"promptId": new_id(self._rng), "action": self._rng.choice(_ACTIONS)}
            if payload["action"] == "dismiss":
                payload["feedback"] = f"not relevant, {self._rng.choice(NAMES)} is already on it"
            self._tell(self._between(started, ended), GUIDANCE, "prompt_interaction", payload)

    def _part(self, started: datetime, ended: datetime) -> None:
        """Some devices drop out and come back; everybody leaves at the end."""
        for group in self._groups:
            for count, pupil in enumerate(group.pupils, 1):
                if self._rng.random() < 0.1:
                    dropped = self._between(
                        started + timedelta(minutes=8), ended - timedelta(minutes=2)
                    )
                    self._leave(group, pupil, dropped)
                    self._join(group, pupil, count, dropped + self._minutes(0.1, 1))
                self._leave(group, pupil, ended - self._minutes(0.02, 0.9))

    def _leave(self, group: Group, pupil: str, at: datetime) -> None:
        seen = _seen(at, "sessions_namespace")
        asked = {"groupId": group.id, "userId": pupil, **seen}
        closed = {"userId": pupil, "reason": "transport close", **seen}
        self._tell(at, self._socket, "member_leave", self._mostly(closed, asked))

    def _end(self, started: datetime, ended: datetime) -> None:
        payload = {
            "reason": self._rng.choice(_REASONS),
            "duration_seconds": int((ended - started).total_seconds()),
            **_seen(ended, "session_controller"),
        }
        if self._rng.random() < 0.3:
            payload["teacherNotes"] = (
                f'"Phones out" again.\nTalk to group 2, {self._rng.choice(NAMES)}.'
            )
        self._tell(ended, self._controller, "ended", payload)

    def _tell(self, at: datetime, pod: str, event_type: str, payload: dict[str, Any]) -> None:
        self._recorded.append((at, pod, event_type, payload))

    def _written_down(self) -> list[Event]:
        count = 0
        written = []
        for at, pod, event_type, payload in sorted(self._recorded, key=lambda entry: entry[0]):
            message: dict[str, Any] = {
                "id": self._event_id(at, event_type, payload),
                "event_type": event_type,
                "event_time": wire_time(at),
                "session_id": self._session_id,
                "teacher_id": self._teacher_id,
                "school_id": self._school_id,
                "payload": payload,
            }
            # The SDK's pods leave sources and sequences to it, and the old controller has none
            # of them.
            if pod == GUIDANCE:
                count += 1
                message |= {"source": pod, "sequence": count, "schema_version": 1}
            written.append(Event(at, pod, message))
        return written

    def _event_id(self, at: datetime, event_type: str, payload: dict[str, Any]) -> str:
        milliseconds = int(at.timestamp() * 1000)
        if event_type == "prompt_interaction":
            return f"prompt_interaction_{payload['promptId']}_{milliseconds}"
        suffix = "".join(self._rng.choices(_BASE36, k=9))
        return f"{self._session_id}_{event_type}_{milliseconds}_{suffix}"

    def _group_name(self, group: Group) -> str:
        return (
            f"{self._rng.choice(NAMES)}'s team"
            if self._rng.random() < 0.3
            else f"Group {group.number}"
        )

    def _mostly(self, usual: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
        """The usual shape three times of four."""
        return usual if self._rng.random() < 0.75 else self._rng.choice(others)

    def _minutes(self, low: float, high: float) -> timedelta:
        return timedelta(minutes=self._rng.uniform(low, high))

    def _between(self, start: datetime, end: datetime) -> datetime:
        return start + (end - start) * self._rng.random()


def _seen(at: datetime, component: str) -> dict[str, Any]:
    return {"timestamp": wire_time(at), "source": component}


SCHOOLS = 6
EVENTS_PER_TEACHER = 380
"""About how much happens in the lessons of one teacher; a unit test holds it."""

_PERIODS = (time(8, 15), time(9, 20), time(10, 40), time(11, 45), time(13, 30))
_STAGGER = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class SchoolDay:
    """Which day it is.

    Args:
        seed: the same seed is the same day, to the last id.
        on: the date, in UTC.
        teachers: how many teach, spread evenly over the schools; each gives a lesson in every
            period.
    """

    seed: int
    on: date
    teachers: int

    def events(self) -> list[Event]:
        """Everything that happens, in the order in which it does."""
        events = [event for lesson in self._lessons() for event in lesson.events()]
        return sorted(events, key=lambda event: event.at)

    def _lessons(self) -> Iterator[Lesson]:
        rng = Random(self.seed)
        schools = [new_id(rng) for _ in range(SCHOOLS)]
        for number in range(self.teachers):
            teacher_id = new_id(rng)
            for period in _PERIODS:
                begins = datetime.combine(self.on, period, UTC) + _STAGGER * rng.random()
                yield Lesson(rng, schools[number % SCHOOLS], teacher_id, begins)


def replay_live(events: Sequence[Event], begins: datetime, seconds: float) -> list[Event]:
    """Replay a day live and faster: each event gets the time of its sending.

    Args:
        events: a day, in order and not empty.
        begins: when the first thing happens.
        seconds: how long after it the last one does.
    """
    first, last = events[0].at, events[-1].at
    scale = seconds / max((last - first).total_seconds(), 1.0)
    return [event.moved(begins + (event.at - first) * scale) for event in events]
