"""In which hours sessions have a part, before and after they changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from classwaves_rollup.changes import WINDOW, Change, Part
from classwaves_rollup.formulas import SEPARATOR, presence_statement, window
from classwaves_warehouse.hours import Parameters, Snapshot

_COMPARED: Final = {Part.MOVED: "moved", Part.ROW: "disagreeing"}

Places = Mapping[str, Mapping[str, set[int]]]
"""Session → kind of part → hours."""


def places(snapshot: Snapshot, sessions: Iterable[str], first: datetime, last: datetime) -> Places:
    """What these sessions have to do with the hours from one to another, both included.

    Args:
        snapshot: of the sources and of rollup_facts_hourly.
        sessions: their ids.
        first: aware, the start of an hour.
        last: likewise.

    Raises:
        WarehouseUnavailable: try again.
    """
    ends = {name: value for name, value in window(last).items() if name.endswith("_end")}
    values: Parameters = {**window(first), **ends, "sessions": SEPARATOR.join(sorted(sessions))}
    found: defaultdict[str, defaultdict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for row in snapshot.query(presence_statement(snapshot.versions), values).to_pylist():
        found[row["session_id"]][row["part"]].add(row["hour"])
    return found


def touched(change: Change, had: Mapping[str, set[int]]) -> set[int]:
    """The hours that a change touches, given what its session has to do with them."""
    return {hour for hour in _with_part(change.part, had) if change.first <= hour <= change.last}


def _with_part(part: Part, had: Mapping[str, set[int]]) -> set[int]:
    active, events, logs = (had.get(kind, set()) for kind in ("active", "event", "log"))
    if part is Part.ACTIVE:
        return set(active)
    every = active | events | logs
    if part is Part.ANY or had.get("unsettled"):
        return every
    # Where its events name the school, a start, an end or its row changes nothing else than what is compared.
    return {hour for hour in every if not _named(hour, events)} | had.get(_COMPARED[part], set())


def _named(hour: int, events: set[int]) -> bool:
    """Whether events of its own time or before tell an hour the session's school."""
    return any(hour - WINDOW <= each <= hour for each in events)


def stretches(hours: Sequence[int], gap: int) -> list[tuple[int, int]]:
    """Hours (ascending) as stretches, first and last, that lie further apart than so many hours."""
    found: list[tuple[int, int]] = []
    for hour in hours:
        if found and hour - found[-1][1] <= gap:
            found[-1] = (found[-1][0], hour)
        else:
            found.append((hour, hour))
    return found
