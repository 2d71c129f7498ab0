"""A session's events in their one order, and what is missing between them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from classwaves_analytics.errors import SessionUnknown
from classwaves_analytics.gaps import Gap, gaps
from classwaves_warehouse.interface import Events


@dataclass(frozen=True, slots=True)
class Event:
    """One row of session_events.

    Args:
        payload: the declared fields of the event's type; None where the table holds text that is no JSON object.
        raw_payload: that text, for a person to look at; None where the payload could be read.
    """

    id: str
    session_id: str
    teacher_id: str
    event_type: str
    event_time: datetime
    payload: dict[str, Any] | None
    raw_payload: str | None
    created_at: datetime | None
    school_id: str | None
    source: str | None
    sequence: int | None
    schema_version: int | None
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """A session's events, ordered by (event_time, source, sequence, id), and the gaps in their sources' numbers."""

    session_id: str
    events: Sequence[Event]
    gaps: Sequence[Gap]


def timeline(events: Events, session_id: str) -> Timeline:
    """The timeline of a session.

    Raises:
        SessionUnknown: no event of it is stored.
        WarehouseUnavailable, TableMissing: the table cannot be read.
    """
    rows = [_event(row) for row in events.timeline(session_id).to_pylist()]
    if not rows:
        raise SessionUnknown(
            f"No event of session {session_id} is stored. Is it the session's id, and WAREHOUSE right?"
        )
    return Timeline(session_id, rows, tuple(gaps((row.source, row.sequence) for row in rows)))


def _event(row: dict[str, Any]) -> Event:
    payload, raw = _payload(row["payload"])
    columns = {
        name: row[name]
        for name in Event.__dataclass_fields__
        if name not in {"payload", "raw_payload"}
    }
    return Event(payload=payload, raw_payload=raw, **columns)


def _payload(text: str | None) -> tuple[dict[str, Any] | None, str | None]:
    """One row that cannot be read must not cost the others: older writers left payloads that are no JSON."""
    try:
        payload = json.loads(text) if text is not None else {}
    except (ValueError, RecursionError):
        return None, text
    return (payload, None) if isinstance(payload, dict) else (None, text)
