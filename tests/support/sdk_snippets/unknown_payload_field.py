"""A mistake that a type checker finds: an unknown field of a payload."""

from classwaves_ingestor.producer import AsyncEventPublisher, EventPublisher, Started


def emit(publisher: EventPublisher) -> str:
    """Emit from a synchronous service."""
    return publisher.emit("started", session_id="s", teacher_id="t", payload={"readyGroups": 4})


def emit_model(publisher: EventPublisher) -> str:
    """Emit with a model."""
    return publisher.emit("started", session_id="s", teacher_id="t", payload=Started(readyGroups=4))


async def emit_async(publisher: AsyncEventPublisher) -> str:
    """Emit from an asynchronous service."""
    return await publisher.emit("ended", session_id="s", teacher_id="t", payload={"why": "other"})
