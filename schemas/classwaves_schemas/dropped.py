"""Counting undeclared fields, by the declared path of their parent and never by their name."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from classwaves_schemas.envelope import EventType
from classwaves_schemas.events import EVENTS
from classwaves_schemas.structure import nested_fields


def undeclared(event_type: EventType, message: Mapping[str, Any]) -> Mapping[str, int]:
    """Count the undeclared fields of a valid message, by the declared path of their parent.

    Paths are `envelope`, `payload` and declared paths below it, as `payload.groupPlan.groups[]`. An
    undeclared object counts once. `redaction.redact` counts declared fields that are not stored.
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
    for name, nested in nested_fields(model).items():
        inner = value.get(name)
        if inner is not None:
            for each in nested.each(inner):
                _count(nested.model, each, nested.path(path, name).removeprefix("."), counts)
