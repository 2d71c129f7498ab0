"""The two JSON shapes in which clients of ClassWaves read a timeline."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from classwaves_analytics.timeline import TimelineEvent

_DESCRIPTIONS = {
    "configured": "Session configured",
    "started": "Session started",
    "leader_ready": "Group leader ready",
    "member_join": "Member joined",
    "member_leave": "Member left",
    "ended": "Session ended",
    "prompt_interaction": "Teacher acted on a prompt",
}


class Shape(StrEnum):
    """`store` has the table's columns, `classic` the five keys of the sessions endpoint."""

    STORE = "store"
    CLASSIC = "classic"


def store(event: TimelineEvent) -> dict[str, Any]:
    """The table's columns with the payload as an object; `raw_payload` only if it is not one."""
    shown = {
        name: _format(value) if isinstance(value, datetime) else value
        for name, value in asdict(event).items()
    }
    if event.raw_payload is None:
        del shown["raw_payload"]
    return shown


def classic(event: TimelineEvent) -> dict[str, Any]:
    """timestamp, type, description, impact (always null) and groupId (null if there is none)."""
    return {
        "timestamp": _format(event.event_time),
        "type": event.event_type,
        "description": _DESCRIPTIONS.get(event.event_type, event.event_type),
        "impact": None,
        "groupId": (event.payload or {}).get("groupId"),
    }


SHAPES: Mapping[Shape, Callable[[TimelineEvent], dict[str, Any]]] = {
    Shape.STORE: store,
    Shape.CLASSIC: classic,
}


def _format(moment: datetime) -> str:
    """ISO-8601 in UTC with milliseconds, as the backend writes it, or microseconds if needed."""
    precision = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
