"""The base of all payloads."""

from typing import Any

from classwaves_schemas.envelope import Contract
from classwaves_schemas.fields import Code, Time


class Payload(Contract):
    """The declared fields of one event type; each may be absent or null."""

    timestamp: Time | None = None
    """When it happened, as the component saw it."""
    source: Code | None = None
    """The component that saw it."""

    @classmethod
    def derive(cls, payload: Any) -> dict[str, object]:  # noqa: ANN401, ARG003
        """Fields to store that are derived from fields that are not stored.

        Args:
            payload: this model, or the Struct with the same attributes.
        """
        return {}
