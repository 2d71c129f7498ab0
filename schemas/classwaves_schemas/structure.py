"""The nesting of declared models, from their annotations."""

from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel


class Nested(NamedTuple):
    """A field of a model type, or a list of models."""

    model: type[BaseModel]
    listed: bool

    def path(self, parent: str, name: str) -> str:
        """The declared path of the field's content."""
        return f"{parent}.{name}[]" if self.listed else f"{parent}.{name}"

    def each(self, value: Any) -> list[Any]:  # noqa: ANN401  # a model or a Struct
        """The models in a value of the field."""
        return value if self.listed else [value]


def _nested(annotation: object, *, listed: bool = False) -> Iterator[Nested]:
    origin = get_origin(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield Nested(annotation, listed)
    elif origin is Annotated:
        yield from _nested(get_args(annotation)[0], listed=listed)
    elif origin is not None:
        for argument in get_args(annotation):
            yield from _nested(argument, listed=listed or origin is list)


@cache
def nested_fields(model: type[BaseModel]) -> Mapping[str, Nested]:
    """The fields of a model that are models or lists of models."""
    found = {
        name: next(_nested(field.annotation), None) for name, field in model.model_fields.items()
    }
    return MappingProxyType({name: nested for name, nested in found.items() if nested})


def marked_fields(model: type[BaseModel], mark: type) -> tuple[str, ...]:
    """The fields of a model whose annotation has this mark."""
    return tuple(
        name
        for name, field in model.model_fields.items()
        if any(isinstance(m, mark) for m in field.metadata)
    )
