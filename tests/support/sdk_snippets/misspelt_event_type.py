"""A mistake that a type checker finds: a misspelt event type."""

from classwaves_ingestor.producer import AsyncEventPublisher, Ended, EventPublisher


def emit(publisher: EventPublisher) -> str:
    """Emit from a synchronous service."""
    return publisher.emit("startd", session_id="s", teacher_id="t")


def emit_model(publisher: EventPublisher) -> str:
    """Emit with a model."""
    return publisher.emit("endd", session_id="s", teacher_id="t", payload=Ended())


async def emit_async(publisher: AsyncEventPublisher) -> str:
    """Emit from an asynchronous service."""
    return await publisher.emit("member_joined", session_id="s", teacher_id="t")
