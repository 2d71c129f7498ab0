"""A session is over."""

from typing import Literal

from classwaves_schemas.fields import Count
from classwaves_schemas.payloads.payload import Payload

EndReason = Literal[
    "planned_completion",
    "early_completion",
    "time_constraint",
    "technical_issue",
    "student_behavior",
    "other",
]


class Ended(Payload):
    """The teacher ended the session."""

    reason: EndReason | None = None
    """Why it ended."""
    duration_seconds: Count | None = None
    """Since it started or, if it never did, since it was set up."""
