"""The payload of each event type: one file per type, listed here."""

from collections.abc import Mapping
from types import MappingProxyType

from classwaves_schemas.envelope import EventType
from classwaves_schemas.payloads.configured import Configured
from classwaves_schemas.payloads.ended import Ended
from classwaves_schemas.payloads.leader_ready import LeaderReady
from classwaves_schemas.payloads.member_join import MemberJoin
from classwaves_schemas.payloads.member_leave import MemberLeave
from classwaves_schemas.payloads.payload import Payload
from classwaves_schemas.payloads.prompt_interaction import PromptInteraction
from classwaves_schemas.payloads.started import Started

PAYLOADS: Mapping[EventType, type[Payload]] = MappingProxyType(
    {
        EventType.CONFIGURED: Configured,
        EventType.STARTED: Started,
        EventType.LEADER_READY: LeaderReady,
        EventType.MEMBER_JOIN: MemberJoin,
        EventType.MEMBER_LEAVE: MemberLeave,
        EventType.ENDED: Ended,
        EventType.PROMPT_INTERACTION: PromptInteraction,
    }
)
