"""In which hours sessions are or were active, or have events or logs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from classwaves_rollup.formulas import SEPARATOR, session_activity_statement, window
from classwaves_rollup.late_data.changes import WINDOW_HOURS, Affects, Change
from classwaves_warehouse.reading import Parameters, Snapshot

_COMPARED: Final = {
    Affects.ACTIVITY_CHANGED: "activity_changed",
    Affects.SESSION_ROW: "row_changed",
}

HoursByKind = Mapping[str, set[int]]
"""Kind of activity, as in session_activity.sql → hours."""


def session_activity(
    snapshot: Snapshot, sessions: Iterable[str], first: datetime, last: datetime
) -> Mapping[str, HoursByKind]:
    """The activity of sessions in a range of hours, both ends included, by session.

    Args:
        snapshot: of the sources and of rollup_facts_hourly.
        sessions: their ids.
        first: aware, the start of an hour.
        last: aware, the start of an hour.

    Raises:
        WarehouseUnavailable: try again.
    """
    ends = {name: value for name, value in window(last).items() if name.endswith("_end")}
    parameters: Parameters = {**window(first), **ends, "sessions": SEPARATOR.join(sorted(sessions))}
    sql = session_activity_statement(snapshot.versions)
    found: defaultdict[str, defaultdict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for row in snapshot.query(sql, parameters).to_pylist():
        found[row["session_id"]][row["kind"]].add(row["hour"])
    return found


def affected_hours(change: Change, activity: HoursByKind) -> set[int]:
    """The hours that a change affects, given its session's activity."""
    hours = _with_activity(change.affects, activity)
    return {hour for hour in hours if change.first <= hour <= change.last}


def _with_activity(affects: Affects, activity: HoursByKind) -> set[int]:
    active, events, logs = (activity.get(kind, set()) for kind in ("active", "event", "log"))
    if affects is Affects.ACTIVE:
        return set(active)
    hours = active | events | logs
    if affects is Affects.ANY_ACTIVITY or activity.get("school_disputed"):
        return hours
    # In an hour whose events name the school, a start, an end or a session row can change only
    # what the statement compares with the stored facts.
    compared = activity.get(_COMPARED[affects], set())
    return {hour for hour in hours if not _has_school(hour, events)} | compared


def _has_school(hour: int, events: set[int]) -> bool:
    """Whether an event in the hour or in its window before names the session's school."""
    return any(hour - WINDOW_HOURS <= each <= hour for each in events)


def group_hours(hours: Sequence[int], gap: int) -> list[tuple[int, int]]:
    """The ranges (first and last) of hours (ascending) that are at most `gap` hours apart."""
    found: list[tuple[int, int]] = []
    for hour in hours:
        if found and hour - found[-1][1] <= gap:
            found[-1] = (found[-1][0], hour)
        else:
            found.append((hour, hour))
    return found
