"""Types of `emit` for type checkers. Generated from the contracts by `make schemas`.

A payload is a model or a dict literal. In both a type checker finds misspelt event types, wrong
values and unknown fields.
"""
# ruff: noqa: N815  (the names are the wire's)

from collections.abc import Callable
from datetime import datetime
from typing import Literal, Protocol, Required, TypedDict, TypeVar, Unpack, cast, overload

from classwaves_schemas.envelope import EventType
from classwaves_schemas.payloads.configured import Configured, GroupPlan, PlannedGroup
from classwaves_schemas.payloads.ended import Ended
from classwaves_schemas.payloads.leader_ready import LeaderReady
from classwaves_schemas.payloads.member_join import MemberJoin
from classwaves_schemas.payloads.member_leave import MemberLeave
from classwaves_schemas.payloads.prompt_interaction import PromptInteraction
from classwaves_schemas.payloads.started import Started

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class PlannedGroupFields(TypedDict, total=False):
    """One group of the plan: read to count its members, never stored."""

    leaderId: str | None
    memberIds: list[str] | None


class GroupPlanFields(TypedDict, total=False):
    """The groups that the teacher planned."""

    numberOfGroups: int | None
    groupSize: int | None
    groups: list[PlannedGroup | PlannedGroupFields] | None


class ConfiguredFields(TypedDict, total=False):
    """A session was set up with its groups."""

    timestamp: datetime | str | None
    source: str | None
    groupPlan: GroupPlan | GroupPlanFields | None
    groupCount: int | None
    groupSizes: list[int] | None
    memberCount: int | None
    totalStudents: int | None
    numberOfGroups: int | None
    groupSize: int | None
    totalMembers: int | None
    leadersAssigned: int | None
    sessionId: str | None
    status: str | None


class StartedFields(TypedDict, total=False):
    """The teacher started or resumed the session."""

    timestamp: datetime | str | None
    source: str | None
    readyGroupsAtStart: int | None
    startedWithoutReadyGroups: bool | None
    readinessRatio: float | None
    totalGroups: int | None
    targetGroupSize: int | None


class LeaderReadyFields(TypedDict, total=False):
    """A group is ready."""

    timestamp: datetime | str | None
    source: str | None
    groupId: str | None
    groupNumber: int | None
    leaderId: str | None


class MemberJoinFields(TypedDict, total=False):
    """A pupil joined a session or a group."""

    timestamp: datetime | str | None
    source: str | None
    sessionId: str | None
    groupId: str | None
    studentId: str | None
    userId: str | None
    role: str | None
    memberCount: int | None


class MemberLeaveFields(TypedDict, total=False):
    """A pupil left a session or a group."""

    timestamp: datetime | str | None
    source: str | None
    sessionId: str | None
    groupId: str | None
    studentId: str | None
    userId: str | None
    role: str | None
    memberCount: int | None
    reason: str | None


class EndedFields(TypedDict, total=False):
    """The teacher ended the session."""

    timestamp: datetime | str | None
    source: str | None
    reason: Literal["planned_completion", "early_completion", "time_constraint", "technical_issue", "student_behavior", "other"] | None
    duration_seconds: int | None


class PromptInteractionFields(TypedDict, total=False):
    """A teacher acted on a guidance prompt."""

    timestamp: datetime | str | None
    source: str | None
    promptId: str | None
    action: Literal["acknowledge", "use", "dismiss", "snooze", "copy", "save_exit_check"] | None


class EmitOptions(TypedDict, total=False):
    """The arguments of `emit` besides event type and payload."""

    session_id: Required[str]
    teacher_id: Required[str]
    school_id: str | None
    trace_id: str | None
    event_time: datetime | None
    event_id: str | None
    durable: bool


class Emit(Protocol[R_co]):
    """Takes an event and returns its id; see `EventPublisher.emit`."""

    @overload
    def __call__(
        self,
        event_type: Literal["configured", EventType.CONFIGURED],
        *,
        payload: Configured | ConfiguredFields = ...,
        **options: Unpack[EmitOptions],
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        event_type: Literal["started", EventType.STARTED],
        *,
        payload: Started | StartedFields = ...,
        **options: Unpack[EmitOptions],
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        event_type: Literal["leader_ready", EventType.LEADER_READY],
        *,
        payload: LeaderReady | LeaderReadyFields = ...,
        **options: Unpack[EmitOptions],
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        event_type: Literal["member_join", EventType.MEMBER_JOIN],
        *,
        payload: MemberJoin | MemberJoinFields = ...,
        **options: Unpack[EmitOptions],
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        event_type: Literal["member_leave", EventType.MEMBER_LEAVE],
        *,
        payload: MemberLeave | MemberLeaveFields = ...,
        **options: Unpack[EmitOptions],
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        event_type: Literal["ended", EventType.ENDED],
        *,
        payload: Ended | EndedFields = ...,
        **options: Unpack[EmitOptions],
    ) -> R_co: ...

    @overload
    def __call__(
        self,
        event_type: Literal["prompt_interaction", EventType.PROMPT_INTERACTION],
        *,
        payload: PromptInteraction | PromptInteractionFields = ...,
        **options: Unpack[EmitOptions],
    ) -> R_co: ...


class EmitMethod(Protocol[R_co]):
    """The method `emit` of a publisher class."""

    def __get__(self, publisher: object, owner: type[object]) -> Emit[R_co]:
        """Bind the method to a publisher."""
        ...


def typed_emit(method: Callable[..., R]) -> EmitMethod[R]:
    """Give a method `emit` the overloads of `Emit`. It stays the same function."""
    return cast("EmitMethod[R]", method)
