"""The fast path: the pydantic models rebuilt as msgspec Structs.

The models stay the only definition. A type or constraint without an equivalent is an error, never a
weaker check. A property test compares this path with `validation.explain`.
"""
# ruff: noqa: ANN401  (annotations and their marks are the data here)

import re
import types
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin

import annotated_types
import msgspec
from pydantic import BaseModel, BeforeValidator, FailFast
from pydantic.fields import FieldInfo

from classwaves_schemas.envelope import MAX_DEPTH, EventType
from classwaves_schemas.errors import UnsupportedFieldError
from classwaves_schemas.events import EVENTS
from classwaves_schemas.fields import NO_CONTROL_CHARACTERS, StorageMark

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Event(Protocol):
    """A parsed message: envelope fields and a typed payload; one Struct per event type."""

    event_type: EventType
    id: str
    event_time: datetime
    session_id: str
    teacher_id: str
    payload: Any
    schema_version: int
    school_id: str | None
    source: str | None
    sequence: int | None
    trace_id: str | None


def parse(value: bytes) -> tuple[Event, dict[str, Any] | None] | None:
    """Parse a message; None if the contract refuses it (`validation.explain` has the reason).

    The second part is the whole message if it may have undeclared fields, for `dropped.undeclared`.
    The caller checks the range of the event time, because it has the clock.
    """
    if b"\\" not in value and b"\x7f" not in value and b"\xc2" not in value:
        try:
            return _STRICT.decode(value), None
        except (ValueError, RecursionError):
            pass
    if too_deep(value):
        return None
    try:
        return _LENIENT.decode(value), tree(value)
    except ValueError:
        return None


def too_deep(value: bytes) -> bool:
    """Whether arrays and objects nest deeper than MAX_DEPTH, without parsing the text."""
    if value.count(b"{") + value.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    for bracket in _STRING.sub(b"", value).translate(None, _ALL_BUT_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


def tree(value: bytes) -> Any:
    """Parse a JSON text into plain objects; the last value of a repeated key counts.

    Raises:
        msgspec.ValidationError: a number is out of range.
        ValueError: the text is not JSON in UTF-8.
    """
    return _TREE.decode(value)


@cache
def events(*, strict: bool) -> Any:
    """The union of all events, tagged by `event_type`, for a msgspec decoder.

    Args:
        strict: refuse undeclared fields, and skip the check for control characters: the caller has
            checked the bytes for them and for escapes (see `parse`).
    """
    return Union[tuple(struct_for(EVENTS[each], strict=strict) for each in EventType)]  # noqa: UP007


@cache
def struct_for(model: type[BaseModel], *, strict: bool = False) -> type[msgspec.Struct]:
    """A Struct with the fields, types and constraints of a model; `contract` is the model.

    Its JSON omits absent fields. For `strict` see `events`.

    Raises:
        UnsupportedFieldError: a type or constraint has no equivalent in msgspec.
    """
    fields: list[Any] = []
    namespace: dict[str, Any] = {"contract": model}
    tag = None
    for name, field in model.model_fields.items():
        if name == "event_type":
            (tag,) = get_args(field.annotation)
            namespace[name] = EventType(tag)
            continue
        declared = _annotated(_type(field.annotation, strict=strict), field.metadata, strict=strict)
        fields.append((name, declared) if field.is_required() else (name, declared, field.default))
    return msgspec.defstruct(
        model.__name__,
        fields,
        namespace=namespace,
        module=__name__,
        tag=tag,
        tag_field=tag and "event_type",
        forbid_unknown_fields=strict,
        omit_defaults=True,
        frozen=True,
        gc=False,
    )


def _type(annotation: Any, *, strict: bool) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is datetime:
        return Annotated[datetime, msgspec.Meta(tz=True)]
    if annotation in {str, int, float, bool, types.NoneType} or origin is Literal:
        return annotation
    if origin is Annotated:
        return _annotated(_type(arguments[0], strict=strict), arguments[1:], strict=strict)
    if origin is list:
        return list[_type(arguments[0], strict=strict)]  # type: ignore[misc]
    if origin in {Union, types.UnionType}:
        return Union[tuple(_type(each, strict=strict) for each in arguments)]  # noqa: UP007
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return struct_for(annotation, strict=strict)
    raise UnsupportedFieldError(
        f"The fast path has no equivalent of {annotation}; add it to fastpath.py."
    )


def _annotated(declared: Any, metadata: Any, *, strict: bool) -> Any:
    limits: dict[str, Any] = {}
    for mark in metadata:
        limits |= _limits(mark, strict=strict)
    return Annotated[declared, msgspec.Meta(**limits)] if limits else declared


def _limits(mark: Any, *, strict: bool) -> dict[str, Any]:
    if isinstance(mark, BeforeValidator | FailFast | StorageMark):
        return {}
    if isinstance(mark, FieldInfo):
        return {
            key: limit
            for each in mark.metadata
            for key, limit in _limits(each, strict=strict).items()
        }
    if limit := _LIMITS.get(type(mark)):
        return {limit: getattr(mark, limit)}
    pattern: str | None = getattr(mark, "pattern", None)
    if pattern is None:
        raise UnsupportedFieldError(
            f"The fast path has no equivalent of {mark}; add it to fastpath.py."
        )
    if strict and pattern == NO_CONTROL_CHARACTERS:
        return {}
    return {
        "pattern": pattern.removesuffix("$") + r"\Z"
    }  # Python's $ also matches before a trailing newline


_LIMITS = {
    annotated_types.Ge: "ge",
    annotated_types.Le: "le",
    annotated_types.MinLen: "min_length",
    annotated_types.MaxLen: "max_length",
}
_STRICT: msgspec.json.Decoder[Event] = msgspec.json.Decoder(events(strict=True))
_LENIENT: msgspec.json.Decoder[Event] = msgspec.json.Decoder(events(strict=False))
_TREE = msgspec.json.Decoder()
