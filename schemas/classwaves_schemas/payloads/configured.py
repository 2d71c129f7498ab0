"""A teacher has set a session up."""
# ruff: noqa: N815  (the names are the wire's)

from typing import Annotated, Any

from classwaves_schemas.envelope import Contract
from classwaves_schemas.fields import Code, Count, Identifier, ReadToDerive, Several
from classwaves_schemas.payloads.payload import Payload


class PlannedGroup(Contract):
    """One group of the plan: read to count its members, never stored."""

    leaderId: str | None = None
    """The group's leader, who may or may not be among its members."""
    memberIds: Several[str] | None = None
    """The group's members."""


class GroupPlan(Contract):
    """The groups that the teacher planned."""

    numberOfGroups: Count | None = None
    """How many groups."""
    groupSize: Count | None = None
    """How many pupils each is meant to have."""
    groups: Annotated[Several[PlannedGroup] | None, ReadToDerive()] = None
    """The roster."""


class Configured(Payload):
    """A session was set up with its groups."""

    groupPlan: GroupPlan | None = None
    """The plan as the teacher sent it."""
    groupCount: Count | None = None
    """How many groups there are."""
    groupSizes: Several[Count] | None = None
    """Distinct pupils of each group, its leader included, in the plan's order."""
    memberCount: Count | None = None
    """Distinct pupils over all groups."""
    totalStudents: Count | None = None
    """Pupils expected."""
    numberOfGroups: Count | None = None
    """As groupPlan.numberOfGroups, from older producers."""
    groupSize: Count | None = None
    """As groupPlan.groupSize, from older producers."""
    totalMembers: Count | None = None
    """Pupils in groups, from older producers."""
    leadersAssigned: Count | None = None
    """Groups with a leader, from older producers."""
    sessionId: Identifier | None = None
    """The session, repeated."""
    status: Code | None = None
    """The session's status."""

    @classmethod
    def derive(cls, payload: Any) -> dict[str, object]:  # noqa: ANN401
        """Sizes from the roster, where there is one."""
        plan = payload.groupPlan
        if plan is None or plan.groups is None:
            return {}
        groups = [{*(group.memberIds or ()), group.leaderId} - {None, ""} for group in plan.groups]
        return {
            "groupSizes": [len(group) for group in groups],
            "memberCount": len(set().union(*groups)),
        }
