"""Which hours changed source rows can affect: hours themselves, or hours of a session.

Hours are numbers since 1970 here: numbers are fast to compare and to aggregate.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from classwaves_rollup.formulas import HOUR, MAX_DURATION
from classwaves_schemas.tables import (
    API_METRICS,
    CLASSROOM_SESSIONS,
    EDUCATIONAL_METRICS,
    GROUP_METRICS,
    SESSION_EVENTS,
    SESSION_METRICS,
    STUDENT_GROUPS,
    SYSTEM_EVENTS,
    Table,
)

SESSION_ROW_HOURS: Final = 48
"""A row that names a session and no hour can affect the session's hours within this distance from
the row's latest time, and the session's hours within this distance before the newest hour of the
run log. (Sessions are planned long before they start, and their rows may arrive after them.)"""

WINDOW_HOURS: Final = MAX_DURATION // HOUR
"""How many hours before and after itself an hour reads starts and ends."""

_HOUR_US: Final = 3_600_000_000
_UNBOUNDED: Final = 1 << 40


class Affects(StrEnum):
    """Which hours of its range a change affects, by what the session has in the hour."""

    ANY_ACTIVITY = "any activity"  # active, or an event or a log of it
    ACTIVE = "active"  # active
    ACTIVITY_CHANGED = "activity changed"  # active for other minutes or another school than stored
    SESSION_ROW = "session row"  # stored facts differ from what the session's row gives now


@dataclass(frozen=True, slots=True)
class Change:
    """A change to a session's rows.

    Args:
        session_id: of the session.
        first, last: the range of hours that the change can affect, both ends included.
        affects: which hours of the range it affects.
    """

    session_id: str
    first: int
    last: int
    affects: Affects


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed rows of one table can affect.

    Args:
        hours: that are affected without regard to a session.
        sessions: changes whose affected hours depend on the session's activity.
    """

    hours: frozenset[int]
    sessions: Sequence[Change]

    def possibly_affected(self, hours: Sequence[int]) -> set[int]:
        """The hours among these (ascending) that may be affected."""
        ranges = {(change.first, change.last) for change in self.sessions}
        return {*self.hours.intersection(hours)}.union(
            *(hours_between(hours, first, last) for first, last in ranges)
        )


def hours_between(hours: Sequence[int], first: int, last: int) -> Sequence[int]:
    """The hours among these (ascending) in a range, both ends included."""
    return hours[bisect_left(hours, first) : bisect_right(hours, last)]


def hour_to_number(hour: datetime) -> int:
    """The number of an hour."""
    return int(hour.timestamp()) // 3600


def number_to_hour(number: int) -> datetime:
    """The start of the hour with a number."""
    return datetime.fromtimestamp(number * 3600, UTC)


@dataclass(frozen=True, slots=True)
class ChangeDetector:
    """How changed rows of one table are read.

    Args:
        columns: that are read.
        detect: from changed rows and the newest hour of the run log to what they can affect.
        append_only: whether a row never returns to a former value. Then rows that are new since a
            version are new since every older version too.
    """

    columns: Sequence[str]
    detect: Callable[[pa.Table, int], Changes]
    append_only: bool = True


def _detect_events(rows: pa.Table, _newest: int) -> Changes:
    is_boundary = pc.is_in(rows["event_type"], value_set=pa.array(["started", "ended"]))
    events = pa.table(
        {
            "session_id": rows["session_id"],
            "is_boundary": is_boundary,
            "hour": _hours(rows["event_time"]),
        }
    )
    found = events.group_by(["session_id", "is_boundary", "hour"]).aggregate([]).to_pylist()
    after = [
        Change(each["session_id"], each["hour"], each["hour"] + WINDOW_HOURS, Affects.ANY_ACTIVITY)
        for each in found
    ]
    # A start or an end can also change earlier hours. An end commonly does not: it ends a session
    # that those hours already count as active.
    before = [
        Change(
            each["session_id"],
            each["hour"] - WINDOW_HOURS,
            each["hour"] - 1,
            Affects.ACTIVITY_CHANGED,
        )
        for each in found
        if each["is_boundary"]
    ]
    return Changes(hours=frozenset(each["hour"] for each in found), sessions=[*after, *before])


def _by_time(column: str) -> ChangeDetector:
    def detect(rows: pa.Table, _newest: int) -> Changes:
        return Changes(frozenset(pc.unique(_hours(rows[column])).drop_null().to_pylist()), ())

    return ChangeDetector((column,), detect)


def _by_session(session_id: str, times: Sequence[str], affects: Affects) -> ChangeDetector:
    def detect(rows: pa.Table, newest: int) -> Changes:
        latest = pc.max_element_wise(*(_hours(rows[name]) for name in times))
        sessions = (
            pa.table({"session_id": rows[session_id], "hour": latest})
            .group_by(["session_id", "hour"])
            .aggregate([])
        )
        return Changes(frozenset(), list(_session_changes(sessions, affects, newest)))

    return ChangeDetector((session_id, *times), detect, append_only=False)


def _session_changes(sessions: pa.Table, affects: Affects, newest: int) -> Iterator[Change]:
    for row in sessions.to_pylist():
        session, hour = row["session_id"], row["hour"]
        if session is None:
            continue
        if hour is None:
            yield Change(session, -_UNBOUNDED, _UNBOUNDED, affects)
            continue
        yield Change(session, hour - SESSION_ROW_HOURS, hour + SESSION_ROW_HOURS, affects)
        if hour + SESSION_ROW_HOURS < newest:
            yield Change(session, newest - SESSION_ROW_HOURS, newest, affects)


def _hours(times: pa.ChunkedArray) -> pa.ChunkedArray:
    micros = pc.cast(pc.cast(times, pa.timestamp("us", tz="UTC")), pa.int64())
    return pc.cast(pc.floor(pc.divide(pc.cast(micros, pa.float64()), float(_HOUR_US))), pa.int64())


_CALCULATED: Final = ("calculation_timestamp", "created_at", "updated_at")
_WRITTEN: Final = ("created_at", "updated_at")

DETECTORS: Final[Mapping[Table, ChangeDetector]] = {
    SESSION_EVENTS: ChangeDetector(("session_id", "event_type", "event_time"), _detect_events),
    SESSION_METRICS: _by_session("session_id", _CALCULATED, Affects.ACTIVE),
    GROUP_METRICS: _by_session("session_id", _CALCULATED, Affects.ACTIVE),
    EDUCATIONAL_METRICS: _by_time("calculation_timestamp"),
    CLASSROOM_SESSIONS: _by_session("id", _WRITTEN, Affects.SESSION_ROW),
    STUDENT_GROUPS: _by_session("session_id", _WRITTEN, Affects.ACTIVE),
    SYSTEM_EVENTS: _by_time("created_at"),
    API_METRICS: _by_time("timestamp"),
}
"""The detector of each source."""
