"""The whole message of each event type: the envelope with the model of its payload."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import create_model

from classwaves_schemas.envelope import Envelope, EventType
from classwaves_schemas.payloads import PAYLOADS


def _event(event_type: EventType) -> type[Envelope]:
    payload = PAYLOADS[event_type]
    return create_model(
        f"{payload.__name__}Event",
        __base__=Envelope,
        __doc__=payload.__doc__,
        event_type=(Literal[event_type.value], ...),  # type: ignore[arg-type]  # known only here
        payload=(payload, ...),
    )


# One line: pydantic reads attribute docstrings from the source of the calling line.
_BY_TYPE = {each: _event(each) for each in EventType}

EVENTS: Mapping[EventType, type[Envelope]] = MappingProxyType(_BY_TYPE)
