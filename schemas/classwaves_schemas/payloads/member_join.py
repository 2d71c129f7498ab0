"""A pupil has come."""

from classwaves_schemas.payloads.membership import Membership


class MemberJoin(Membership):
    """A pupil joined a session or a group."""
