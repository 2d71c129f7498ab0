"""JSON Schema, draft 2020-12, of a whole message."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from classwaves_schemas.envelope import SCHEMA_VERSION, EventType
from classwaves_schemas.events import EVENTS


class _Untitled(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON Schema without titles, which would only repeat the field names."""
    return model.model_json_schema(schema_generator=_Untitled)


def event_schema(event_type: EventType) -> dict[str, Any]:
    """The schema of a whole message of one type."""
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "$id": f"urn:classwaves:session-events:{event_type}:v{SCHEMA_VERSION}",
        **schema_of(EVENTS[event_type]),
    }
