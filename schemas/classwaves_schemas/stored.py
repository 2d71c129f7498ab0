"""What of a payload is stored: no roster, and no pupil's id but as a pseudonym."""
# ruff: noqa: ANN401  (a payload is a model or its fast twin, and both have the same attributes)

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


class Stored(NamedTuple, Generic[P]):
    """A payload as it is stored, and how many declared fields were left out, by their path."""

    payload: P
    dropped: Mapping[str, int]


def stored(payload: P, pseudonymise: Pseudonymise | None) -> Stored[P]:
    """What to store of a payload: the same kind of object, without what is not to be kept.

    Args:
        payload: a payload's model, or that model's fast twin.
        pseudonymise: None where there is no key: then pupils' ids that are not pseudonyms yet are dropped.
    """
    model: Any = getattr(type(payload), "contract", type(payload))
    if _recipe(model).keeps_all:
        return Stored(payload, _NOTHING)
    dropped: dict[str, int] = {}
    derived = model.derive(payload)
    kept: Any = _keep(model, payload, pseudonymise, "payload", dropped)
    return Stored(kept.__replace__(**derived) if derived else kept, dropped)


class _Recipe(NamedTuple):
    """What to do with the fields of one model."""

    member_ids: tuple[str, ...]
    only_read: tuple[str, ...]
    nested: Mapping[str, Nested]
    keeps_all: bool


@cache
def _recipe(model: type[BaseModel]) -> _Recipe:
    only_read = marked_fields(model, ReadToDerive)
    nested = {name: held for name, held in nested_fields(model).items() if name not in only_read}
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
    for name, held in recipe.nested.items():
        inner = getattr(value, name)
        if inner is not None:
            kept = [
                _keep(held.model, each, pseudonymise, held.path(path, name), dropped)
                for each in held.each(inner)
            ]
            changes[name] = kept if held.listed else kept[0]
    return value.__replace__(**changes) if changes else value


def _count(
    model: type[BaseModel], name: str, value: Any, path: str, dropped: dict[str, int]
) -> None:
    """Count the given fields in what is only read, each by its declared path."""
    inner = getattr(value, name)
    held = nested_fields(model).get(name)
    if inner is None:
        return
    if held is None:
        _add(dropped, f"{path}.{name}")
        return
    for each in held.each(inner):
        for field in held.model.model_fields:
            _count(held.model, field, each, held.path(path, name), dropped)


def _add(dropped: dict[str, int], path: str) -> None:
    dropped[path] = dropped.get(path, 0) + 1
