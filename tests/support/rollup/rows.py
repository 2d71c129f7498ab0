"""Rows of the rollup's sources. Times are minutes after HOUR."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pyarrow as pa

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import (
    API_METRICS,
    CLASSROOM_SESSIONS,
    EDUCATIONAL_METRICS,
    GROUP_METRICS,
    SESSION_EVENTS,
    SESSION_METRICS,
    SOURCES,
    STUDENT_GROUPS,
    SYSTEM_EVENTS,
    ColumnType,
    Table,
)

HOUR = datetime(2025, 9, 15, 9, tzinfo=UTC)
Row = dict[str, Any]
Sources = dict[str, list[Row]]

_BY_NAME = {table.qualified_name: table for table in SOURCES}
_NEUTRAL = {ColumnType.STRING: "", ColumnType.BOOLEAN: False, ColumnType.TIMESTAMP: HOUR}
_numbers = count()


def at(minutes: float) -> datetime:
    return HOUR + timedelta(minutes=minutes)


def event(
    session: str,
    event_type: str,
    minutes: float,
    payload: Mapping[str, Any] | str | None = None,
    **values: Any,
) -> Row:
    """A row of session_events, by default of `school` and `teacher` and written a minute later."""
    given = {"school_id": "school", "teacher_id": "teacher", "created_at": at(minutes + 1)} | values
    text = payload if isinstance(payload, str) else json.dumps(payload or {})
    return _row(
        SESSION_EVENTS,
        session_id=session,
        event_type=event_type,
        event_time=at(minutes),
        payload=text,
        **given,
    )


def whole_session(session: str, starts: float, ends: float, **values: Any) -> list[Row]:
    """The start and the end of a session."""
    return [event(session, "started", starts, **values), event(session, "ended", ends, **values)]


def member_join(session: str, pupil: str, minutes: float, **values: Any) -> Row:
    return event(session, "member_join", minutes, {"studentId": pupil}, **values)


def member_leave(session: str, pupil: str, minutes: float, **values: Any) -> Row:
    return event(session, "member_leave", minutes, {"userId": pupil}, **values)


def prompt_use(
    session: str, prompt: str, minutes: float, action: str = "use", **values: Any
) -> Row:
    return event(
        session, "prompt_interaction", minutes, {"promptId": prompt, "action": action}, **values
    )


def leader_ready(session: str, group: str, minutes: float, **values: Any) -> Row:
    return event(
        session, "leader_ready", minutes, {"groupId": group}, teacher_id="system", **values
    )


def session_metrics(session: str, minutes: float, **values: Any) -> Row:
    return _row(SESSION_METRICS, session_id=session, calculation_timestamp=at(minutes), **values)


def group_metrics(session: str, group: str, minutes: float, **values: Any) -> Row:
    return _row(
        GROUP_METRICS,
        session_id=session,
        group_id=group,
        calculation_timestamp=at(minutes),
        **values,
    )


def educational_metric(session: str, name: str, value: float, minutes: float, **values: Any) -> Row:
    given = {"session_id": session, "metric_name": name, "metric_value": value}
    return _row(EDUCATIONAL_METRICS, **given, calculation_timestamp=at(minutes), **values)


def classroom_session(session: str, **values: Any) -> Row:
    return _row(CLASSROOM_SESSIONS, id=session, **({"school_id": "school"} | values))


def student_group(session: str, name: str, **values: Any) -> Row:
    return _row(STUDENT_GROUPS, id=name, session_id=session, **values)


def system_event(severity: str, minutes: float, **values: Any) -> Row:
    return _row(SYSTEM_EVENTS, severity=severity, created_at=at(minutes), **values)


def api_request(milliseconds: int | None, status: int | None, minutes: float, **values: Any) -> Row:
    given = {
        "school_id": "school",
        "response_time_ms": milliseconds,
        "status_code": status,
    } | values
    return _row(API_METRICS, timestamp=at(minutes), **given)


def sources(*rows: Row | Sequence[Row]) -> Sources:
    """Table → its rows; a table without rows is missing."""
    found: Sources = {}
    for each in rows:
        for row in [each] if isinstance(each, dict) else each:
            found.setdefault(row["_table"], []).append(
                {key: value for key, value in row.items() if key != "_table"}
            )
    return found


def to_arrow(given: Sources) -> dict[Table, pa.Table]:
    """The sources as Arrow tables."""
    return {
        _BY_NAME[name]: pa.Table.from_pylist(rows, arrow_schema(_BY_NAME[name]))
        for name, rows in given.items()
    }


def neutral(table: Table) -> Row:
    """A row of NULLs, and of values that mean nothing where NULL is not allowed."""
    return {
        column.name: None if column.nullable else _NEUTRAL.get(column.type, 0)
        for column in table.columns
    }


def _row(table: Table, **values: Any) -> Row:
    own = {"id": f"{next(_numbers):06}"}
    exact = {column.name for column in table.columns if column.type.startswith("DECIMAL")}
    given = {
        name: Decimal(str(value)) if name in exact and value is not None else value
        for name, value in values.items()
    }
    return {"_table": table.qualified_name, **neutral(table), **own, **given}
