"""A session has begun, or gone on after a pause."""
# ruff: noqa: N815  (the names are the wire's)

from typing import Annotated

from pydantic import Field

from classwaves_schemas.fields import Count
from classwaves_schemas.payloads.payload import Payload


class Started(Payload):
    """The teacher started or resumed the session."""

    readyGroupsAtStart: Count | None = None
    """Groups whose leader was ready."""
    startedWithoutReadyGroups: bool | None = None
    """Whether some group was not ready."""
    readinessRatio: Annotated[float, Field(ge=0)] | None = None
    """Share of ready groups as the producer reckons it."""
    totalGroups: Count | None = None
    """How many groups there are."""
    targetGroupSize: Count | None = None
    """How many pupils each is meant to have."""
