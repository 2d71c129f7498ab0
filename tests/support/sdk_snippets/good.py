"""Correct code that a type checker accepts."""

from datetime import UTC, datetime

from classwaves_ingestor.producer import (
    AsyncEventPublisher,
    Configured,
    Ended,
    EventPublisher,
    EventType,
)


def emit_all(publisher: EventPublisher) -> str:
    """Payloads as dict literals and as models, event types as text and as enum members."""
    publisher.emit("member_join", session_id="s", teacher_id="t")
    publisher.emit(
        "configured",
        session_id="s",
        teacher_id="t",
        payload={"groupPlan": {"numberOfGroups": 2, "groups": [{"memberIds": ["a", "b"]}]}},
    )
    publisher.emit("configured", session_id="s", teacher_id="t", payload=Configured(groupCount=2))
    publisher.emit(
        EventType.STARTED,
        session_id="s",
        teacher_id="t",
        school_id="school",
        trace_id=None,
        event_time=datetime.now(UTC),
        event_id="e1",
        durable=False,
        payload={"readyGroupsAtStart": 4, "timestamp": "2026-03-02T08:00:00Z"},
    )
    return publisher.emit("ended", session_id="s", teacher_id="t", payload=Ended(reason="other"))


async def emit_one(publisher: AsyncEventPublisher) -> str:
    """The asynchronous publisher has the same types."""
    event_id = await publisher.emit(
        "ended", session_id="s", teacher_id="t", payload={"reason": "planned_completion"}
    )
    await publisher.close()
    return event_id
