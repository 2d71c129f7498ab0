"""The producer SDK: `EventPublisher`, and `AsyncEventPublisher` for asyncio."""

from classwaves_ingestor.producer.asynchronous import AsyncEventPublisher
from classwaves_ingestor.producer.delivery import DeliveryPolicy
from classwaves_ingestor.producer.errors import (
    EventTooLarge,
    InvalidEvent,
    PublisherClosed,
    PublisherError,
    QueueFull,
    SpoolFull,
    SpoolUnavailable,
)
from classwaves_ingestor.producer.memory import MemoryTransport
from classwaves_ingestor.producer.publisher import EventPublisher
from classwaves_ingestor.producer.settings import PublisherSettings
from classwaves_runtime.errors import SettingsError
from classwaves_schemas.emit_types import (
    ConfiguredFields,
    EndedFields,
    LeaderReadyFields,
    MemberJoinFields,
    MemberLeaveFields,
    PromptInteractionFields,
    StartedFields,
)
from classwaves_schemas.envelope import EventType
from classwaves_schemas.errors import PseudonymKeyError
from classwaves_schemas.payloads.configured import Configured
from classwaves_schemas.payloads.ended import Ended
from classwaves_schemas.payloads.leader_ready import LeaderReady
from classwaves_schemas.payloads.member_join import MemberJoin
from classwaves_schemas.payloads.member_leave import MemberLeave
from classwaves_schemas.payloads.prompt_interaction import PromptInteraction
from classwaves_schemas.payloads.started import Started

__all__ = [
    "AsyncEventPublisher",
    "Configured",
    "ConfiguredFields",
    "DeliveryPolicy",
    "Ended",
    "EndedFields",
    "EventPublisher",
    "EventTooLarge",
    "EventType",
    "InvalidEvent",
    "LeaderReady",
    "LeaderReadyFields",
    "MemberJoin",
    "MemberJoinFields",
    "MemberLeave",
    "MemberLeaveFields",
    "MemoryTransport",
    "PromptInteraction",
    "PromptInteractionFields",
    "PseudonymKeyError",
    "PublisherClosed",
    "PublisherError",
    "PublisherSettings",
    "QueueFull",
    "SettingsError",
    "SpoolFull",
    "SpoolUnavailable",
    "Started",
    "StartedFields",
]
