"""The two shapes in which ClassWaves' clients know a timeline."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from classwaves_analytics.timeline import Event

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
    """How an event is shown: `store` as the table has it, `classic` in the five keys of the sessions endpoint."""

    STORE = "store"
    CLASSIC = "classic"


def store(event: Event) -> dict[str, Any]:
    """The columns of the table, the payload as an object, and `raw_payload` only where it is not one."""
    shown = {
        name: _moment(cell) if isinstance(cell, datetime) else cell
        for name, cell in asdict(event).items()
    }
    if event.raw_payload is None:
        del shown["raw_payload"]
    return shown


def classic(event: Event) -> dict[str, Any]:
    """timestamp, type, description, impact (nothing computes one: null), groupId (null where the event has none)."""
    return {
        "timestamp": _moment(event.event_time),
        "type": event.event_type,
        "description": _DESCRIPTIONS.get(event.event_type, event.event_type),
        "impact": None,
        "groupId": (event.payload or {}).get("groupId"),
    }


SHAPES: Mapping[Shape, Callable[[Event], dict[str, Any]]] = {
    Shape.STORE: store,
    Shape.CLASSIC: classic,
}


def _moment(moment: datetime) -> str:
    """ISO-8601 in UTC, as the backend's own clients write it, with microseconds only where there are any."""
    precision = "microseconds" if moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
