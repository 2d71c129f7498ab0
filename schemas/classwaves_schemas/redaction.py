"""Redacting payloads: no roster is stored, and pupils' ids only as pseudonyms."""
# ruff: noqa: ANN401  (a payload is a model or a Struct; both have the same attributes)

from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import BaseModel

from classwaves_schemas.fields import MemberId, ReadToDerive
from classwaves_schemas.pseudonym import is_pseudonym
from classwaves_schemas.structure import Nested, marked_fields, nested_fields

P = TypeVar("P")
Pseudonymise = Callable[[str], str]
_NOTHING: Mapping[str, int] = MappingProxyType({})


class Redacted(NamedTuple, Generic[P]):
    """A payload for storage, and by declared path the number of fields that were removed."""

    payload: P
    dropped: Mapping[str, int]


def redact(payload: P, pseudonymise: Pseudonymise | None) -> Redacted[P]:
    """Remove the fields that must not be stored. Returns the same kind of object.

    Args:
        payload: a payload's model, or the Struct of the fast path.
        pseudonymise: replaces a pupil's id. None without a key: ids are dropped unless pseudonyms.
    """
    model: Any = getattr(type(payload), "contract", type(payload))
    if _recipe(model).keeps_all:
        return Redacted(payload, _NOTHING)
    dropped: dict[str, int] = {}
    derived = model.derive(payload)
    kept: Any = _keep(model, payload, pseudonymise, "payload", dropped)
    return Redacted(kept.__replace__(**derived) if derived else kept, dropped)


class _Recipe(NamedTuple):
    """How to treat the fields of one model."""

    member_ids: tuple[str, ...]
    only_read: tuple[str, ...]
    nested: Mapping[str, Nested]
    keeps_all: bool


@cache
def _recipe(model: type[BaseModel]) -> _Recipe:
    only_read = marked_fields(model, ReadToDerive)
    nested = {
        name: nested_field
        for name, nested_field in nested_fields(model).items()
        if name not in only_read
    }
    member_ids = marked_fields(model, MemberId)
    return _Recipe(member_ids, only_read, nested, keeps_all=not (member_ids or only_read or nested))


def _keep(
    model: type[BaseModel],
    value: Any,
    pseudonymise: Pseudonymise | None,
    path: str,
    dropped: dict[str, int],
) -> Any:
    recipe = _recipe(model)
    changes: dict[str, object] = {}
    for name in recipe.member_ids:
        member = getattr(value, name)
        if member is None:
            continue
        if pseudonymise is not None:
            changes[name] = pseudonymise(member)
        elif not is_pseudonym(member):
            changes[name] = None
            _add(dropped, f"{path}.{name}")
    for name in recipe.only_read:
        if getattr(value, name) is not None:
            changes[name] = None
            _count(model, name, value, path, dropped)
    for name, nested_field in recipe.nested.items():
        inner = getattr(value, name)
        if inner is not None:
            kept = [
                _keep(
                    nested_field.model, each, pseudonymise, nested_field.path(path, name), dropped
                )
                for each in nested_field.each(inner)
            ]
            changes[name] = kept if nested_field.listed else kept[0]
    return value.__replace__(**changes) if changes else value


def _count(
    model: type[BaseModel], name: str, value: Any, path: str, dropped: dict[str, int]
) -> None:
    """Count the present fields below a read-only field, each by its declared path."""
    inner = getattr(value, name)
    nested_field = nested_fields(model).get(name)
    if inner is None:
        return
    if nested_field is None:
        _add(dropped, f"{path}.{name}")
        return
    for each in nested_field.each(inner):
        for field in nested_field.model.model_fields:
            _count(nested_field.model, field, each, nested_field.path(path, name), dropped)


def _add(dropped: dict[str, int], path: str) -> None:
    dropped[path] = dropped.get(path, 0) + 1
