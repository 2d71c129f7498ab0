"""A session's events in order, and the gaps in their sources' sequence numbers."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any, Final

from classwaves_analytics.errors import SessionUnknown
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.errors import VersionGone
from classwaves_warehouse.reading import Reader, TimelineKey

PAGE_ROWS: Final = 10_000
"""Rows of session_events that one statement returns."""


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """One row of session_events.

    Args:
        payload: the declared fields of the event's type; None if the table holds no JSON object.
        raw_payload: the stored text if it is not a JSON object, else None.
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
class Gap:
    """Missing sequence numbers of a source, both ends included, between two that are stored."""

    source: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A session's events by (event_time, source, sequence, id), and their sources' gaps."""

    session_id: str
    events: Sequence[TimelineEvent]
    gaps: Sequence[Gap]


def read_timeline(reader: Reader, session_id: str, page_rows: int = PAGE_ROWS) -> Timeline:
    """The timeline of a session, all of it at one version.

    Args:
        reader: of the tables.
        session_id: the session.
        page_rows: the most rows of one statement's answer.

    Raises:
        SessionUnknown: session_events has no event of it.
        WarehouseUnavailable, TableMissing: the table could not be read.
        VersionGone: files of the version were deleted while it was read, twice.
    """
    try:
        rows = list(_read_events(reader, session_id, page_rows))
    except VersionGone:
        rows = list(_read_events(reader, session_id, page_rows))
    if not rows:
        raise SessionUnknown(
            f"session_events has no event of session {session_id}. "
            "Check the session's id and WAREHOUSE."
        )
    gaps = tuple(find_gaps((row.source, row.sequence) for row in rows))
    return Timeline(session_id, rows, gaps)


def _read_events(reader: Reader, session_id: str, page_rows: int) -> Iterator[TimelineEvent]:
    pinned = reader.pin([SESSION_EVENTS])
    after, is_last = None, False
    while not is_last:
        page = pinned.timeline(session_id, page_rows, after).to_pylist()
        is_last = len(page) < page_rows
        for row in page:
            after = TimelineKey(row["event_time"], row["source"], row["sequence"], row["id"])
            yield _event(row)


def find_gaps(numbers: Iterable[tuple[str | None, int | None]]) -> Iterator[Gap]:
    """The interior gaps of each source, by source and sequence.

    Numbers before a source's first and after its last are no gap: the source may have started
    before the session, and more events may arrive.

    Args:
        numbers: source and sequence of each event, in any order. Events without either are
            ignored.
    """
    sequences: dict[str, set[int]] = defaultdict(set)
    for source, sequence in numbers:
        if source is not None and sequence is not None:
            sequences[source].add(sequence)
    for source in sorted(sequences):
        for before, after in pairwise(sorted(sequences[source])):
            if after - before > 1:
                yield Gap(source, before + 1, after - 1)


def _event(row: dict[str, Any]) -> TimelineEvent:
    payload, raw = _parse_payload(row["payload"])
    columns = {
        name: row[name]
        for name in TimelineEvent.__dataclass_fields__
        if name not in {"payload", "raw_payload"}
    }
    return TimelineEvent(payload=payload, raw_payload=raw, **columns)


def _parse_payload(text: str | None) -> tuple[dict[str, Any] | None, str | None]:
    """The payload, or the raw text: older writers left payloads that are not JSON."""
    try:
        payload = json.loads(text) if text is not None else {}
    except (ValueError, RecursionError):
        return None, text
    return (payload, None) if isinstance(payload, dict) else (None, text)
