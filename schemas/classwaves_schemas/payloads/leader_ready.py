"""A group's leader has said that the group is ready."""
# ruff: noqa: N815  (the names are the wire's)

from typing import Annotated

from classwaves_schemas.fields import Count, Identifier, MemberId
from classwaves_schemas.payloads.payload import Payload


class LeaderReady(Payload):
    """A group is ready."""

    groupId: Identifier | None = None
    """The group."""
    groupNumber: Count | None = None
    """Its number in the session."""
    leaderId: Annotated[Identifier | None, MemberId()] = None
    """Its leader."""
