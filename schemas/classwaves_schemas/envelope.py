"""The envelope: the fields of every message."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from classwaves_schemas.fields import Identifier, Time

SCHEMA_VERSION = 1
EARLIEST_EVENT_TIME = datetime(2000, 1, 1, tzinfo=UTC)
MAX_AHEAD = timedelta(hours=24)
MAX_DEPTH = 32
"""The maximal nesting of arrays and objects in a message, the message itself included."""


class EventType(StrEnum):
    """The events of a session's life."""

    CONFIGURED = "configured"
    STARTED = "started"
    LEADER_READY = "leader_ready"
    MEMBER_JOIN = "member_join"
    MEMBER_LEAVE = "member_leave"
    ENDED = "ended"
    PROMPT_INTERACTION = "prompt_interaction"


class Contract(BaseModel):
    """Base of all declared models: JSON types, undeclared fields ignored, immutable."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        revalidate_instances="always",  # copies and constructed models were never validated
        allow_inf_nan=False,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )


class Envelope(Contract):
    """One thing that happened in a session."""

    id: Identifier
    """Minted once, where the thing happened; with session_id, the event's identity."""
    event_type: Annotated[EventType, Field(strict=False)]
    """Which payload to expect."""
    event_time: Time
    """When it happened."""
    session_id: Identifier
    """The session it belongs to; also the Kafka key."""
    teacher_id: Identifier
    """Who owns the session."""
    payload: dict[str, Any]
    """What there is to say about this type of event."""
    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION
    """Version of this contract."""
    school_id: Identifier | None = None
    """The school of the session."""
    source: Identifier | None = None
    """Component and instance that emitted it, new at each process start."""
    sequence: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    """Dense from 1 per session and source."""
    trace_id: Identifier | None = None
    """The request or socket message that caused it."""
