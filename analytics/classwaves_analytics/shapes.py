"""The two JSON shapes in which clients of ClassWaves read a timeline."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Any

from classwaves_analytics.timeline import TimelineEvent
from classwaves_runtime.timestamps import format_timestamp

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
        name: format_timestamp(value, exact=True) if isinstance(value, datetime) else value
        for name, value in asdict(event).items()
    }
    if event.raw_payload is None:
        del shown["raw_payload"]
    return shown


def classic(event: TimelineEvent) -> dict[str, Any]:
    """timestamp, type, description, impact (always null) and groupId (null if there is none)."""
    return {
        "timestamp": format_timestamp(event.event_time, exact=True),
        "type": event.event_type,
        "description": _DESCRIPTIONS.get(event.event_type, event.event_type),
        "impact": None,
        "groupId": (event.payload or {}).get("groupId"),
    }


SHAPES: Mapping[Shape, Callable[[TimelineEvent], dict[str, Any]]] = {
    Shape.STORE: store,
    Shape.CLASSIC: classic,
}
