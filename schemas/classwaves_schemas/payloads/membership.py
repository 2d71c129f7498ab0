"""What a join and a leave have in common."""
# ruff: noqa: N815  (the names are the wire's)

from typing import Annotated

from classwaves_schemas.fields import Code, Count, Identifier, MemberId
from classwaves_schemas.payloads.payload import Payload


class Membership(Payload):
    """Someone, and the group they came to or went from."""

    sessionId: Identifier | None = None
    """The session, repeated."""
    groupId: Identifier | None = None
    """The group; absent for the session as a whole."""
    studentId: Annotated[Identifier | None, MemberId()] = None
    """The pupil, by roster."""
    userId: Annotated[Identifier | None, MemberId()] = None
    """The pupil, by socket."""
    role: Code | None = None
    """What they are in the session."""
    memberCount: Count | None = None
    """Members of the group afterwards."""
