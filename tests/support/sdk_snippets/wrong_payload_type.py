"""A mistake that a type checker finds: a wrong type in a payload."""

from classwaves_ingestor.producer import AsyncEventPublisher, Ended, EventPublisher


def emit(publisher: EventPublisher) -> str:
    """Emit from a synchronous service."""
    return publisher.emit(
        "started", session_id="s", teacher_id="t", payload={"readyGroupsAtStart": "four"}
    )


def emit_model(publisher: EventPublisher) -> str:
    """Emit with a model."""
    return publisher.emit("started", session_id="s", teacher_id="t", payload=Ended())


async def emit_async(publisher: AsyncEventPublisher) -> str:
    """Emit from an asynchronous service."""
    return await publisher.emit(
        "ended", session_id="s", teacher_id="t", payload={"reason": "bored"}
    )
