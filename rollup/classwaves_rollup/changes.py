"""What changed rows of a source can touch: hours by themselves, and hours in which their session has a part.

Hours are counted since 1970 here: numbers are quick to compare and to reduce by.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from classwaves_rollup.formulas import HOUR, LONGEST_SPAN
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

REACH_HOURS: Final = 48
"""How far from its own latest time, and how far back from the ledger's newest hour, a row that only names a session is
taken to concern the session's hours. Lessons are planned long before, and what was planned may come after them."""

_HOUR_US: Final = 3_600_000_000
WINDOW: Final = LONGEST_SPAN // HOUR
"""How many hours before and after its own an hour looks for starts and ends."""

_NEVER: Final = 1 << 40


class Part(StrEnum):
    """What a session must have to do with an hour so that a change of it touches the hour."""

    ANY = "any"  # it is under way, or an event or a log of it lies in the hour
    ACTIVE = "active"  # it is under way
    MOVED = "moved"  # it is under way for another time than the facts say, or of another school
    ROW = "row"  # what its row of classroom_sessions says matters there, and is not what the facts say


@dataclass(frozen=True, slots=True)
class Change:
    """A session of which something has changed.

    Args:
        session_id: which.
        first, last: the hours, both included, that it can touch.
        part: which of them it does touch.
    """

    session_id: str
    first: int
    last: int
    part: Part


@dataclass(frozen=True, slots=True)
class Touched:
    """What changed rows can touch.

    Args:
        hours: as they are.
        changes: sessions, whose hours are to be found.
    """

    hours: frozenset[int]
    changes: Sequence[Change]

    def reached(self, hours: Sequence[int]) -> set[int]:
        """Those of some hours (ascending) that may be touched."""
        reaches = {(change.first, change.last) for change in self.changes}
        return {*self.hours.intersection(hours)}.union(
            *(between(hours, first, last) for first, last in reaches)
        )


def between(hours: Sequence[int], first: int, last: int) -> Sequence[int]:
    """Those of some hours (ascending) from one to another, both included."""
    return hours[bisect_left(hours, first) : bisect_right(hours, last)]


def hour_number(hour: datetime) -> int:
    """An hour as a number."""
    return int(hour.timestamp()) // 3600


def hour_numbered(number: int) -> datetime:
    """The start of the hour with a number."""
    return datetime.fromtimestamp(number * 3600, UTC)


@dataclass(frozen=True, slots=True)
class Reader:
    """How changed rows of one table are read.

    Args:
        columns: what is needed of them.
        touched: what they touch, given the ledger's newest hour.
        lasting: whether a row never becomes again what it was. Then all that is new since a version is new since every
            older one too.
    """

    columns: Sequence[str]
    touched: Callable[[pa.Table, int], Touched]
    lasting: bool = True


def _events(rows: pa.Table, _newest: int) -> Touched:
    edge = pc.is_in(rows["event_type"], value_set=pa.array(["started", "ended"]))
    told = pa.table(
        {"session_id": rows["session_id"], "edge": edge, "hour": _hours(rows["event_time"])}
    )
    found = told.group_by(["session_id", "edge", "hour"]).aggregate([]).to_pylist()
    after = [
        Change(each["session_id"], each["hour"], each["hour"] + WINDOW, Part.ANY) for each in found
    ]
    # A start or an end may change hours before it too: as a rule it does not, since it only ends what goes on there.
    edges = [each for each in found if each["edge"]]
    before = [
        Change(each["session_id"], each["hour"] - WINDOW, each["hour"] - 1, Part.MOVED)
        for each in edges
    ]
    return Touched(hours=frozenset(each["hour"] for each in found), changes=[*after, *before])


def _at_their_time(column: str) -> Reader:
    def touched(rows: pa.Table, _newest: int) -> Touched:
        return Touched(frozenset(pc.unique(_hours(rows[column])).drop_null().to_pylist()), ())

    return Reader((column,), touched)


def _of_session(session: str, times: Sequence[str], part: Part) -> Reader:
    def touched(rows: pa.Table, newest: int) -> Touched:
        latest = pc.max_element_wise(*(_hours(rows[name]) for name in times))
        told = (
            pa.table({"session_id": rows[session], "hour": latest})
            .group_by(["session_id", "hour"])
            .aggregate([])
        )
        return Touched(frozenset(), list(_reaching(told, part, newest)))

    return Reader((session, *times), touched, lasting=False)


def _reaching(told: pa.Table, part: Part, newest: int) -> Iterator[Change]:
    for each in told.to_pylist():
        session, hour = each["session_id"], each["hour"]
        if session is None:
            continue
        if hour is None:
            yield Change(session, -_NEVER, _NEVER, part)
            continue
        yield Change(session, hour - REACH_HOURS, hour + REACH_HOURS, part)
        if hour + REACH_HOURS < newest:
            yield Change(session, newest - REACH_HOURS, newest, part)


def _hours(times: pa.ChunkedArray) -> pa.ChunkedArray:
    micros = pc.cast(pc.cast(times, pa.timestamp("us", tz="UTC")), pa.int64())
    return pc.cast(pc.floor(pc.divide(pc.cast(micros, pa.float64()), float(_HOUR_US))), pa.int64())


READERS: Final[Mapping[Table, Reader]] = {
    SESSION_EVENTS: Reader(("session_id", "event_type", "event_time"), _events),
    SESSION_METRICS: _of_session(
        "session_id", ("calculation_timestamp", "created_at", "updated_at"), Part.ACTIVE
    ),
    GROUP_METRICS: _of_session(
        "session_id", ("calculation_timestamp", "created_at", "updated_at"), Part.ACTIVE
    ),
    EDUCATIONAL_METRICS: _at_their_time("calculation_timestamp"),
    CLASSROOM_SESSIONS: _of_session("id", ("created_at", "updated_at"), Part.ROW),
    STUDENT_GROUPS: _of_session("session_id", ("created_at", "updated_at"), Part.ACTIVE),
    SYSTEM_EVENTS: _at_their_time("created_at"),
    API_METRICS: _at_their_time("timestamp"),
}
"""A reader of each source."""
