"""Explaining rejections: one code and one sentence. Neither quotes the message."""

from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from classwaves_schemas.envelope import (
    EARLIEST_EVENT_TIME,
    MAX_AHEAD,
    MAX_DEPTH,
    SCHEMA_VERSION,
    Envelope,
    EventType,
)
from classwaves_schemas.events import EVENTS
from classwaves_schemas.fastpath import parse, too_deep, tree


class Reason(StrEnum):
    """Codes of rejections. They are metric labels and dead-letter headers, so they never change."""

    TOMBSTONE = "tombstone"
    EMPTY_VALUE = "empty_value"
    TOO_DEEP = "too_deep"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    NEWER_SCHEMA_VERSION = "newer_schema_version"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    MISSING_FIELD = "missing_field"
    EMPTY_FIELD = "empty_field"
    WRONG_TYPE = "wrong_type"
    INVALID_VALUE = "invalid_value"
    NAIVE_TIME = "naive_time"
    TOO_OLD = "too_old"
    TOO_FAR_AHEAD = "too_far_ahead"
    REPEATED_FIELD = "repeated_field"


class Rejection(NamedTuple):
    """A refused message: code and sentence."""

    reason: Reason
    detail: str


def explain(value: bytes | None, now: datetime) -> Rejection | None:  # noqa: PLR0911  # one per rule
    """The reason for which the contract refuses a message, or None for a valid one.

    Args:
        value: the message's bytes from Kafka.
        now: aware time; the limit for future event times.
    """
    if value is None:
        return Rejection(Reason.TOMBSTONE, "The message is a tombstone: it has no value.")
    if not value.strip(b" \t\r\n"):
        return Rejection(Reason.EMPTY_VALUE, "The message is empty.")
    if too_deep(value):
        return Rejection(Reason.TOO_DEEP, f"The message nests deeper than {MAX_DEPTH} levels.")
    try:
        message = tree(value)
    except msgspec.ValidationError:
        return Rejection(Reason.INVALID_VALUE, "The message has a number out of range.")
    except ValueError:
        return Rejection(Reason.NOT_JSON, "The message is not one JSON text in UTF-8.")
    if not isinstance(message, dict):
        return Rejection(Reason.NOT_AN_OBJECT, "The message is JSON, but not an object.")
    return _explain_message(message, now) or _explain_repeats(value)


def _explain_message(message: dict[str, Any], now: datetime) -> Rejection | None:
    version = message.get("schema_version")
    if type(version) is int and version > SCHEMA_VERSION:
        return Rejection(
            Reason.NEWER_SCHEMA_VERSION,
            f"schema_version: this consumer supports versions up to {SCHEMA_VERSION}; deploy a "
            "newer consumer.",
        )
    event_type: Any = message.get("event_type")
    named = isinstance(event_type, str) and event_type != ""
    if named and event_type not in EVENTS:
        return Rejection(
            Reason.UNKNOWN_EVENT_TYPE,
            f"event_type: expected one of {', '.join(sorted(EventType))}.",
        )
    model = EVENTS[event_type] if named else Envelope
    try:
        event = model.model_validate(message)
    except ValidationError as error:
        return _rejection(error.errors(include_url=False)[0])
    if event.event_time < EARLIEST_EVENT_TIME:
        return Rejection(
            Reason.TOO_OLD, f"event_time: expected {EARLIEST_EVENT_TIME:%Y-%m-%d} or later."
        )
    if event.event_time > now + MAX_AHEAD:
        return Rejection(
            Reason.TOO_FAR_AHEAD, f"event_time: expected at most {MAX_AHEAD} ahead of now."
        )
    return None


def _explain_repeats(value: bytes) -> Rejection | None:
    """The rule that needs the text: the last value of a repeated key counts, all must be valid."""
    if parse(value) is not None:
        return None
    return Rejection(
        Reason.REPEATED_FIELD,
        "A field appears more than once, and not all of its values are valid.",
    )


def _rejection(error: ErrorDetails) -> Rejection:
    """The rejection for a pydantic error: a declared path, and a sentence without any input."""
    path = "".join(
        "[]" if isinstance(part, int) else f".{part}" for part in error["loc"]
    ).removeprefix(".")
    expected = (
        "Input should be an object"
        if error["type"] in {"model_type", "dict_type"}
        else error["msg"]
    )
    return Rejection(_reason(error), f"{path}: {expected}.")


def _reason(error: ErrorDetails) -> Reason:
    kind, given = error["type"], error["input"]
    field = Envelope.model_fields.get(str(error["loc"][0])) if len(error["loc"]) == 1 else None
    if kind == "missing" or (given is None and field is not None and field.is_required()):
        return Reason.MISSING_FIELD
    if kind.endswith("_type") or (kind in {"enum", "literal_error"} and not isinstance(given, str)):
        return Reason.WRONG_TYPE
    if given == "":
        return Reason.EMPTY_FIELD
    return Reason.NAIVE_TIME if kind == "naive_time" else Reason.INVALID_VALUE
