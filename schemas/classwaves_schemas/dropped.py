"""How many undeclared fields a message has. Where they are is told, what they are called is not."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from classwaves_schemas.envelope import EventType
from classwaves_schemas.events import EVENTS
from classwaves_schemas.structure import nested_fields


def undeclared(event_type: EventType, message: Mapping[str, Any]) -> Mapping[str, int]:
    """Undeclared fields of a valid message, counted by the declared path of their parent.

    Paths are `envelope`, `payload` and what is declared below it, as in `payload.groupPlan.groups[]`.
    An undeclared object counts once, whatever it holds. Declared fields that are not stored are
    counted by `stored`.
    """
    counts: Counter[str] = Counter()
    _count(EVENTS[event_type], message, "", counts)
    return counts


def _count(
    model: type[BaseModel], value: Mapping[str, Any], path: str, counts: Counter[str]
) -> None:
    extra = len(value.keys() - model.model_fields.keys())
    if extra:
        counts[path or "envelope"] += extra
    for name, held in nested_fields(model).items():
        inner = value.get(name)
        if inner is not None:
            for each in held.each(inner):
                _count(held.model, each, held.path(path, name).removeprefix("."), counts)
