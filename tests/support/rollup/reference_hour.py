"""The sources of one hour in the reference implementation."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from json import loads
from typing import Any, NamedTuple

HOUR = timedelta(hours=1)
MAX_DURATION = timedelta(hours=12)
ASSUMED_DURATION = timedelta(hours=4)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, Any]
Sources = dict[str, list[Row]]


class SessionInterval(NamedTuple):
    session: str
    teacher: str
    starts: datetime
    ends: datetime

    def within(self, hour: datetime) -> timedelta:
        return max(min(self.ends, hour + HOUR) - max(self.starts, hour), timedelta())


class HourSources:
    """The sources that one hour reads."""

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
            self.hour - MAX_DURATION
            <= row["event_time"]
            < (self.end + MAX_DURATION if bound else self.end)
        )

    def rows(self, name: str) -> list[Row]:
        return self.sources.get(name, [])

    def in_hour(self, at: datetime) -> bool:
        return self.hour <= at < self.end

    def bounds(self) -> dict[str, list[Row]]:
        """Session → its started and ended events, in order."""
        boundaries = defaultdict(list)
        for row in self.events:
            if row["event_type"] in ("started", "ended"):
                boundaries[row["session_id"]].append(row)
        for events in boundaries.values():
            events.sort(
                key=lambda row: (row["event_time"], row["event_type"] != "started", row["id"])
            )
        return boundaries

    def session_intervals(self) -> list[SessionInterval]:
        found = []
        for session, events in self.bounds().items():
            for number, row in enumerate(events):
                if row["event_type"] != "started":
                    continue
                starts = row["event_time"]
                follower = events[number + 1] if number + 1 < len(events) else None
                ends = starts + ASSUMED_DURATION
                if follower:
                    after = follower["event_time"]
                    if follower["event_type"] == "ended" and after - starts <= MAX_DURATION:
                        ends = after
                    else:
                        ends = min(after, ends)
                found.append(SessionInterval(session, row["teacher_id"], starts, ends))
        return found

    def active(self) -> dict[str, timedelta]:
        """Session → its active time in the hour."""
        times: dict[str, timedelta] = defaultdict(timedelta)
        for interval in self.session_intervals():
            times[interval.session] += interval.within(self.hour)
        return {session: time for session, time in times.items() if time}

    def completed(self) -> set[str]:
        found = set()
        for session, events in self.bounds().items():
            for number, row in enumerate(events):
                if row["event_type"] != "ended" or not self.in_hour(row["event_time"]):
                    continue
                before = events[number - 1] if number else None
                repeat = (
                    before
                    and before["event_type"] == "ended"
                    and row["event_time"] - before["event_time"] <= timedelta(hours=12)
                )
                if not repeat:
                    found.add(session)
        return found

    def school(self, session: str | None) -> str | None:
        named = [
            row["school_id"]
            for row in self.events
            if row["session_id"] == session and row["school_id"]
        ]
        registered = [
            row["school_id"]
            for row in self.rows("sessions.classroom_sessions")
            if row["id"] == session and row["school_id"]
        ]
        return min(named, default=None) or min(registered, default=None)

    def first_started(self, session: str) -> datetime:
        return min(
            row["event_time"]
            for row in self.events
            if row["session_id"] == session
            and row["event_type"] == "started"
            and row["event_time"] < self.end
        )


def payload_field(row: Row, name: str) -> Any:
    try:
        payload = loads(row["payload"])
    except (TypeError, ValueError):
        return None
    return payload.get(name) if isinstance(payload, dict) else None


def micros(time: datetime) -> float:
    return float((time - EPOCH) // timedelta(microseconds=1))


def minutes(time: timedelta) -> float:
    return (time // timedelta(microseconds=1)) / 60_000_000
