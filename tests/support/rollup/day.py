"""The sources as one hour of the reference sees them."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from json import loads
from typing import Any, NamedTuple

HOUR = timedelta(hours=1)
LONGEST = timedelta(hours=12)
ZOMBIE = timedelta(hours=4)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, Any]
Sources = dict[str, list[Row]]


class Stretch(NamedTuple):
    session: str
    teacher: str
    starts: datetime
    ends: datetime

    def within(self, hour: datetime) -> timedelta:
        return max(min(self.ends, hour + HOUR) - max(self.starts, hour), timedelta())


class Day:
    """The sources as one hour sees them."""

    def __init__(self, sources: Sources, hour: datetime) -> None:
        self.hour = hour
        self.end = hour + HOUR
        self.sources = sources
        self.events = [
            row for row in sources.get("analytics.session_events", []) if self._is_read(row)
        ]

    def _is_read(self, row: Row) -> bool:
        bound = row["event_type"] in ("started", "ended")
        return (
            self.hour - LONGEST <= row["event_time"] < (self.end + LONGEST if bound else self.end)
        )

    def rows(self, name: str) -> list[Row]:
        return self.sources.get(name, [])

    def in_hour(self, at: datetime) -> bool:
        return self.hour <= at < self.end

    def bounds(self) -> dict[str, list[Row]]:
        """Each session's started and ended, in their order."""
        lives = defaultdict(list)
        for row in self.events:
            if row["event_type"] in ("started", "ended"):
                lives[row["session_id"]].append(row)
        for life in lives.values():
            life.sort(
                key=lambda row: (row["event_time"], row["event_type"] != "started", row["id"])
            )
        return lives

    def stretches(self) -> list[Stretch]:
        found = []
        for session, life in self.bounds().items():
            for place, row in enumerate(life):
                if row["event_type"] != "started":
                    continue
                starts = row["event_time"]
                follower = life[place + 1] if place + 1 < len(life) else None
                ends = starts + ZOMBIE
                if follower:
                    after = follower["event_time"]
                    if follower["event_type"] == "ended" and after - starts <= LONGEST:
                        ends = after
                    else:
                        ends = min(after, ends)
                found.append(Stretch(session, row["teacher_id"], starts, ends))
        return found

    def active(self) -> dict[str, timedelta]:
        """The time of each session in the hour."""
        times: dict[str, timedelta] = defaultdict(timedelta)
        for stretch in self.stretches():
            times[stretch.session] += stretch.within(self.hour)
        return {session: time for session, time in times.items() if time}

    def completed(self) -> set[str]:
        found = set()
        for session, life in self.bounds().items():
            for place, row in enumerate(life):
                if row["event_type"] != "ended" or not self.in_hour(row["event_time"]):
                    continue
                before = life[place - 1] if place else None
                repeat = (
                    before
                    and before["event_type"] == "ended"
                    and row["event_time"] - before["event_time"] <= timedelta(hours=12)
                )
                if not repeat:
                    found.add(session)
        return found

    def school(self, session: str | None) -> str | None:
        told = [
            row["school_id"]
            for row in self.events
            if row["session_id"] == session and row["school_id"]
        ]
        known = [
            row["school_id"]
            for row in self.rows("sessions.classroom_sessions")
            if row["id"] == session and row["school_id"]
        ]
        return min(told, default=None) or min(known, default=None)

    def first_started(self, session: str) -> datetime:
        return min(
            row["event_time"]
            for row in self.events
            if row["session_id"] == session
            and row["event_type"] == "started"
            and row["event_time"] < self.end
        )


def field(row: Row, name: str) -> Any:
    try:
        payload = loads(row["payload"])
    except (TypeError, ValueError):
        return None
    return payload.get(name) if isinstance(payload, dict) else None


def micros(time: datetime) -> float:
    return float((time - EPOCH) // timedelta(microseconds=1))


def minutes(time: timedelta) -> float:
    return (time // timedelta(microseconds=1)) / 60_000_000
