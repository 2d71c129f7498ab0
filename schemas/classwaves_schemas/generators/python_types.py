"""Python types of `emit`: a TypedDict per payload, and one overload per event type."""

import types
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from classwaves_schemas.envelope import EventType
from classwaves_schemas.errors import UnsupportedFieldError
from classwaves_schemas.payloads import PAYLOADS
from classwaves_schemas.structure import nested_fields

_HEADER = '''\
"""Types of `emit` for type checkers. Generated from the contracts by `make schemas`.

A payload is a model or a dict literal. In both a type checker finds misspelt event types, wrong
values and unknown fields.
"""
# ruff: noqa: N815  (the names are the wire's)

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol, Required, TypedDict, TypeVar, Unpack, cast, overload

from classwaves_schemas.envelope import EventType
'''

_ENVELOPE = '''\
class EmitOptions(TypedDict, total=False):
    """The arguments of `emit` besides event type and payload."""

    session_id: Required[str]
    teacher_id: Required[str]
    school_id: str | None
    trace_id: str | None
    event_time: datetime | None
    event_id: str | None
    durable: bool
'''

_METHOD = '''\
class EmitMethod(Protocol[R_co]):
    """The method `emit` of a publisher class."""

    def __get__(self, publisher: object, owner: type[object]) -> Emit[R_co]:
        """Bind the method to a publisher."""
        ...


def typed_emit(method: Callable[..., R]) -> EmitMethod[R]:
    """Give a method `emit` the overloads of `Emit`. It stays the same function."""
    return cast("EmitMethod[R]", method)
'''


def python_types() -> str:
    """The text of classwaves_schemas/emit_types.py."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    models = {each: None for event_type in EventType for each in _with_nested(PAYLOADS[event_type])}
    yield _HEADER.rstrip("\n")
    for module, names in _imports(models).items():
        yield f"from {module} import {', '.join(names)}"
    yield ""
    yield 'R = TypeVar("R")'
    yield 'R_co = TypeVar("R_co", covariant=True)'
    yield ""
    yield ""
    for model in models:
        yield from _typed_dict(model)
    yield _ENVELOPE
    yield ""
    yield "class Emit(Protocol[R_co]):"
    yield '    """Takes an event and returns its id; see `EventPublisher.emit`."""'
    for event_type in EventType:
        yield from _overload(event_type)
    yield ""
    yield ""
    yield _METHOD


def _imports(models: dict[type[BaseModel], None]) -> dict[str, list[str]]:
    modules: dict[str, list[str]] = {}
    for model in models:
        modules.setdefault(model.__module__, []).append(model.__name__)
    return {module: sorted(modules[module]) for module in sorted(modules)}


def _with_nested(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for nested in nested_fields(model).values():
        yield from _with_nested(nested.model)
    yield model


def _typed_dict(model: type[BaseModel]) -> Iterator[str]:
    yield f"class {model.__name__}Fields(TypedDict, total=False):"
    yield f'    """{model.__doc__}"""'
    yield ""
    for name, field in model.model_fields.items():
        yield f"    {name}: {_type(field.annotation)}"
    yield ""
    yield ""


def _overload(event_type: EventType) -> Iterator[str]:
    payload = PAYLOADS[event_type].__name__
    yield ""
    yield "    @overload"
    yield "    def __call__("
    yield "        self,"
    yield f'        event_type: Literal["{event_type}", EventType.{event_type.name}],'
    yield "        *,"
    yield f"        payload: {payload} | {payload}Fields = ...,"
    yield "        **options: Unpack[EmitOptions],"
    yield "    ) -> R_co: ..."


def _type(annotation: Any) -> str:  # noqa: ANN401, PLR0911  # one per kind of annotation
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is types.NoneType:
        return "None"
    if annotation is datetime:
        return "datetime | str"
    if annotation in {str, int, float, bool}:
        return str(annotation.__name__)
    if origin is Literal:
        return f"Literal[{', '.join(repr(each) for each in arguments)}]".replace("'", '"')
    if origin is Annotated:
        return _type(arguments[0])
    if origin is list:
        return f"list[{_type(arguments[0])}]"
    if origin in {Union, types.UnionType}:
        return " | ".join(map(_type, arguments))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"{annotation.__name__} | {annotation.__name__}Fields"
    raise UnsupportedFieldError(
        f"There is no Python type for {annotation}; add it to generators/python_types.py."
    )
