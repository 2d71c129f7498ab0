"""A pupil has gone."""

from classwaves_schemas.fields import Code
from classwaves_schemas.payloads.membership import Membership


class MemberLeave(Membership):
    """A pupil left a session or a group."""

    reason: Code | None = None
    """Why, in the transport's words."""
