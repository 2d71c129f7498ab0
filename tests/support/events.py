"""Realistic events in wire format.

event("ended", session=3)                  a message with every field, as a dict
wire("ended", session=3, number=7)         its bytes; `number` is the event's in its session
wire(payload={"readyGroupsAtStart": 4})    with another field, or without it (MISSING)
plain()                                    only the required fields
BAD[Reason.NAIVE_TIME]                     bytes that the contract refuses for this reason
"""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from classwaves_schemas.validation import Reason
from tests.support import payloads

NOW = datetime(2025, 9, 15, 15, 0, tzinfo=UTC)
"""The current time for the tests: all these events are at most one hour old."""

MISSING = object()
"""As the value of a field: leave the field out."""

_FIRST = datetime(2025, 9, 15, 14, 0, tzinfo=UTC)
_SCHOOL_DAY = uuid.UUID("5c1f3f0e-0a53-4f7b-9a0e-1f7f0b9f2c11")

PAYLOADS: Mapping[str, Mapping[str, object]] = dict(reversed(payloads.EMITTED))
"""One payload of each type as the backend emits it, names and free text included."""


def session_id(session: int) -> str:
    """The id of a session, the same in every run."""
    return str(uuid.uuid5(_SCHOOL_DAY, f"session {session}"))


def event(
    event_type: str = "started", *, session: int = 1, number: int = 1, **changes: object
) -> dict[str, object]:
    """A valid message.

    Args:
        event_type: which payload it has.
        session: which session it belongs to.
        number: the event's number in its session, from 1; id, time and sequence follow from it.
        changes: other values of envelope fields; MISSING leaves a field out.
    """
    happened = _FIRST + timedelta(seconds=number)
    message = {
        "id": f"{session_id(session)}_{event_type}_{int(happened.timestamp() * 1000)}_{number}",
        "schema_version": 1,
        "event_type": event_type,
        "event_time": happened.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "session_id": session_id(session),
        "teacher_id": str(uuid.uuid5(_SCHOOL_DAY, f"teacher {session % 7}")),
        "school_id": str(uuid.uuid5(_SCHOOL_DAY, f"school {session % 3}")),
        "source": "session_controller@pod-1",
        "sequence": number,
        "trace_id": f"trace-{session}-{number}",
        "payload": PAYLOADS.get(event_type, {}),
    }
    return {name: value for name, value in (message | changes).items() if value is not MISSING}


def wire(
    event_type: str = "started", *, session: int = 1, number: int = 1, **changes: object
) -> bytes:
    """The bytes of `event` with the same arguments."""
    return json.dumps(
        event(event_type, session=session, number=number, **changes), ensure_ascii=False
    ).encode()


def plain(
    event_type: str = "started", *, session: int = 1, number: int = 1, **changes: object
) -> bytes:
    """An event of a producer without our SDK: only the required fields."""
    optional = dict.fromkeys(
        ("schema_version", "school_id", "source", "sequence", "trace_id"), MISSING
    )
    return wire(event_type, session=session, number=number, **{**optional, **changes})


BAD: Mapping[Reason, bytes | None] = {
    Reason.TOMBSTONE: None,
    Reason.EMPTY_VALUE: b"",
    Reason.TOO_DEEP: b'{"a":' * 40 + b"1" + b"}" * 40,
    Reason.NOT_JSON: b'{"id": "cut off',
    Reason.NOT_AN_OBJECT: b"[1, 2]",
    Reason.NEWER_SCHEMA_VERSION: wire(schema_version=2),
    Reason.UNKNOWN_EVENT_TYPE: wire("session_started"),
    Reason.MISSING_FIELD: wire(session_id=MISSING),
    Reason.EMPTY_FIELD: wire(teacher_id=""),
    Reason.WRONG_TYPE: wire(id=17),
    Reason.INVALID_VALUE: wire("ended", payload={"reason": "bored"}),
    Reason.NAIVE_TIME: wire(event_time="2025-09-15T14:05:31.902"),
    Reason.TOO_OLD: wire(event_time="1999-12-31T23:59:59Z"),
    Reason.TOO_FAR_AHEAD: wire(event_time="2025-09-18T15:00:00Z"),
    Reason.REPEATED_FIELD: wire().replace(b'"trace_id"', b'"trace_id": 1, "trace_id"'),
}
"""One message that is refused at NOW for each reason."""
