"""TypeScript types for producers in Node: a union of events, tagged by event_type."""

import json
from collections.abc import Iterator
from typing import Any

from classwaves_schemas.envelope import Envelope, EventType
from classwaves_schemas.events import EVENTS
from classwaves_schemas.generators.json_schema import schema_of
from classwaves_schemas.payloads import PAYLOADS

_SIMPLE = {
    "string": "string",
    "integer": "number",
    "number": "number",
    "boolean": "boolean",
    "null": "null",
}


def declarations() -> str:
    """The text of a .d.ts file."""
    return "\n".join(_declarations())


def _declarations() -> Iterator[str]:
    yield "// Generated from the contracts. Undeclared fields are dropped."
    yield ""
    envelope = schema_of(Envelope)
    own = {"event_type", "payload"}
    envelope["properties"] = {k: v for k, v in envelope["properties"].items() if k not in own}
    yield from _interface("Envelope", envelope)
    payloads = {each: schema_of(PAYLOADS[each]) for each in EventType}
    inner = {
        name: schema for each in payloads.values() for name, schema in each.get("$defs", {}).items()
    }
    for name, schema in inner.items():
        yield from _interface(name, schema)
    for event_type, schema in payloads.items():
        payload, event = PAYLOADS[event_type].__name__, EVENTS[event_type].__name__
        yield from _interface(payload, schema)
        yield f"export interface {event} extends Envelope {{"
        yield f'  event_type: "{event_type}";'
        yield f"  payload: {payload};"
        yield "}"
        yield ""
    yield f"export type SessionEvent = {' | '.join(EVENTS[each].__name__ for each in EventType)};"
    yield 'export type EventType = SessionEvent["event_type"];'
    yield ""


def _interface(name: str, schema: dict[str, Any]) -> Iterator[str]:
    yield f"/** {schema['description']} */"
    yield f"export interface {name} {{"
    for key, field in schema["properties"].items():
        yield f"  /** {_doc(field)} */"
        yield f"  {key}{'' if key in schema.get('required', ()) else '?'}: {_type(field)};"
    yield "}"
    yield ""


def _doc(field: dict[str, Any]) -> str:
    time = any(each.get("format") == "date-time" for each in (field, *field.get("anyOf", ())))
    notes = [
        field["description"],
        "RFC 3339 with Z or an offset." if time else "",
        f"Stored: {field['x-stored']}." if "x-stored" in field else "",
    ]
    return " ".join(filter(None, notes))


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " | ".join(map(_type, schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(map(json.dumps, schema["enum"]))
    if schema["type"] == "array":
        return f"Array<{_type(schema['items'])}>"
    return _SIMPLE[schema["type"]]
