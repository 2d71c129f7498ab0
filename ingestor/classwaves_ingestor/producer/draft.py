"""Turning the arguments of `emit` into a valid message without source and sequence."""

import atexit
import os
import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from classwaves_ingestor.producer.errors import InvalidEvent
from classwaves_schemas.dropped import undeclared
from classwaves_schemas.envelope import EARLIEST_EVENT_TIME, MAX_AHEAD, Envelope, EventType
from classwaves_schemas.events import EVENTS
from classwaves_schemas.fields import StorageMark
from classwaves_schemas.payloads import PAYLOADS
from classwaves_schemas.redaction import Pseudonymise, redact
from classwaves_schemas.structure import marked_fields, nested_fields

_NOTHING: Mapping[str, int] = MappingProxyType({})

_DRAFTING_SECONDS = 5.0  # no draft takes that long, but a hang would be worse than the fault
_drafting = threading.RLock()
"""Keeps other threads out of pydantic-core during a fork and from the end of the program on.

A child would wait for ever for a lock that a thread held in it at the fork. A daemon thread that
the interpreter ends within it crashes the process.
"""


class Draft(NamedTuple):
    """A valid event that lacks only source and sequence.

    Args:
        event_type: type of the event.
        event_id: id of the event.
        session_id: key of the message.
        text: JSON without the closing brace.
        dropped: number of removed fields by declared path.
    """

    event_type: str
    event_id: str
    session_id: str
    text: bytes
    dropped: Mapping[str, int]


def draft(fields: dict[str, Any], pseudonymise: Pseudonymise | None, now: datetime) -> Draft:
    """Validate, redact and serialise an event.

    Args:
        fields: of the envelope, without source and sequence.
        pseudonymise: replaces a pupil's id. None without a key: ids are dropped unless pseudonyms.
        now: aware time; the limit for future event times.

    Raises:
        InvalidEvent: names the field and the rule, and quotes no value.
    """
    held = _drafting.acquire(timeout=_DRAFTING_SECONDS)
    try:
        return _draft(fields, pseudonymise, now)
    finally:
        if held:
            _drafting.release()


def _draft(fields: dict[str, Any], pseudonymise: Pseudonymise | None, now: datetime) -> Draft:
    try:
        model = EVENTS[fields["event_type"]]
    except (KeyError, TypeError):  # TypeError: not hashable
        raise InvalidEvent(f"event_type: expected one of {', '.join(sorted(EventType))}.") from None
    payload = fields["payload"]
    if not isinstance(payload, dict | BaseModel):
        payload = fields["payload"] = _object(payload)
    try:
        event: Envelope = model.__pydantic_validator__.validate_python(fields)
    except ValidationError as error:
        raise InvalidEvent(_complaint(error)) from None
    if not EARLIEST_EVENT_TIME <= event.event_time <= now + MAX_AHEAD:
        raise InvalidEvent(
            f"event_time: expected {EARLIEST_EVENT_TIME:%Y-%m-%d} or later, at most {MAX_AHEAD} "
            "ahead."
        )
    dropped: Mapping[str, int] = _NOTHING
    if not _unchanged_fields(event.event_type):
        original: Any = event.payload
        kept, dropped = redact(original, pseudonymise)
        if kept is not original:
            event = event.model_copy(update={"payload": kept})
    if isinstance(payload, dict) and not _unchanged_fields(event.event_type) >= payload.keys():
        plain = _plain(payload, PAYLOADS[event.event_type])
        dropped = Counter(dropped) + Counter(
            undeclared(event.event_type, fields | {"payload": plain})
        )
    text: bytes = event.__pydantic_serializer__.to_json(event, exclude_none=True)
    return Draft(event.event_type, event.id, event.session_id, text[:-1], dropped)


def _object(payload: object) -> dict[str, Any]:
    if not isinstance(payload, Mapping):
        raise InvalidEvent("payload: expected a mapping or the payload's model.")
    return dict(payload)


@cache
def _unchanged_fields(event_type: EventType) -> frozenset[str]:
    """A shortcut: the fields of a payload if redaction cannot change any, so that it is skipped.

    Empty means: redact, and look for undeclared fields.
    """
    model = PAYLOADS[event_type]
    if nested_fields(model) or marked_fields(model, StorageMark):
        return frozenset()
    return frozenset(model.model_fields)


def _plain(value: Any, declared: type[BaseModel]) -> Any:  # noqa: ANN401  # any payload value
    """Replace models by plain data. Undeclared values stay unread."""
    match value:
        case BaseModel():
            return value.model_dump()
        case dict():
            nested = nested_fields(declared)
            return value | {
                name: _plain(value[name], nested[name].model)
                for name in nested.keys() & value.keys()
            }
        case list():
            return [_plain(each, declared) for each in value]
        case _:
            return value


def _complaint(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = "".join(
        "[]" if isinstance(part, int) else f".{part}" for part in first["loc"]
    ).removeprefix(".")
    return f"{path}: {first['msg']}."


os.register_at_fork(
    before=_drafting.acquire, after_in_parent=_drafting.release, after_in_child=_drafting.release
)
atexit.register(_drafting.acquire)
