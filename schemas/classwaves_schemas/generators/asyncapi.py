"""The topics as an AsyncAPI 3.0 document, seen from the ingestor."""

from typing import Any

from classwaves_schemas.envelope import SCHEMA_VERSION, EventType
from classwaves_schemas.topics import (
    DEAD_LETTER_HEADERS,
    DEAD_LETTER_TOPIC,
    SESSION_EVENTS_TOPIC,
    STUB_HEADERS,
)
from classwaves_schemas.validation import Reason

_KAFKA = "0.5.0"


def document() -> dict[str, Any]:
    """The document; messages refer to the JSON Schemas in the same folder."""
    names = [*map(str, EventType), "dead_letter"]
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "ClassWaves session events",
            "version": f"{SCHEMA_VERSION}.0.0",
            "description": "Lifecycle events of classroom sessions, and their dead letters.",
        },
        "defaultContentType": "application/json",
        "channels": {
            "sessionEvents": _channel(
                SESSION_EVENTS_TOPIC, "Partitioned by session_id (murmur2).", names[:-1]
            ),
            "deadLetters": _channel(
                DEAD_LETTER_TOPIC, "Refused messages, byte for byte.", names[-1:]
            ),
        },
        "operations": {
            "ingest": {"action": "receive", "channel": {"$ref": "#/channels/sessionEvents"}},
            "refuse": {"action": "send", "channel": {"$ref": "#/channels/deadLetters"}},
        },
        "components": {
            "messages": {each: _event(each) for each in EventType}
            | {"dead_letter": _dead_letter()},
        },
    }


def _channel(address: str, description: str, messages: list[str]) -> dict[str, Any]:
    return {
        "address": address,
        "description": description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"kafka": {"topic": address, "bindingVersion": _KAFKA}},
    }


def _event(event_type: EventType) -> dict[str, Any]:
    return {
        "name": event_type,
        "payload": {"$ref": f"./json-schema/{event_type}.v{SCHEMA_VERSION}.json"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The session_id."},
                "bindingVersion": _KAFKA,
            }
        },
    }


def _dead_letter() -> dict[str, Any]:
    headers: dict[str, dict[str, Any]] = {
        name: {"type": "string", "description": text}
        for name, text in (DEAD_LETTER_HEADERS | STUB_HEADERS).items()
    }
    headers["dead-letter-reason"]["enum"] = list(Reason)
    return {
        "name": "dead_letter",
        "summary": "A refused message: unchanged key, value and headers, with the reason.",
        "contentType": "application/octet-stream",
        "headers": {"type": "object", "properties": headers, "required": list(DEAD_LETTER_HEADERS)},
        "payload": {
            "description": "The message's value, byte for byte; empty in a stub or for a tombstone."
        },
    }
