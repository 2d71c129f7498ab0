"""The publisher for asyncio services."""

import asyncio
import os
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self

from prometheus_client import REGISTRY, CollectorRegistry

from classwaves_ingestor.producer.delivery import DeliveryPolicy
from classwaves_ingestor.producer.publisher import NOTHING, EventName, EventPublisher, Fields
from classwaves_ingestor.producer.relay import Relay
from classwaves_ingestor.producer.settings import PublisherSettings
from classwaves_ingestor.producer.transport import Connect
from classwaves_runtime.clock import Clock, SystemClock
from classwaves_schemas.envelope import EventType


class AsyncEventPublisher:
    """`EventPublisher` with the same verbs, to be awaited.

        publisher = AsyncEventPublisher(component="websocket-handler")
        await publisher.emit("ended", session_id=session.id, teacher_id=teacher.id, payload={"reason": "other"})

    One thread beside the event loop emits in the order of the calls, so neither a slow disk nor the broker holds up
    the loop. A call that is cancelled may have emitted its event.

    Arguments and errors are those of `EventPublisher`.
    """

    def __init__(
        self,
        settings: PublisherSettings | None = None,
        *,
        component: str,
        clock: Clock | None = None,
        registry: CollectorRegistry = REGISTRY,
        connect: Connect | None = None,
        policy: DeliveryPolicy | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._publisher = EventPublisher(
            settings,
            component=component,
            clock=self._clock,
            registry=registry,
            connect=connect,
            policy=policy,
        )
        self._process = os.getpid()
        self._relay: Relay | None = None
        self._closed = False

    async def emit(
        self,
        event_type: EventName | EventType,
        *,
        session_id: str,
        teacher_id: str,
        payload: Fields = NOTHING,
        school_id: str | None = None,
        trace_id: str | None = None,
        event_time: datetime | None = None,
        event_id: str | None = None,
        durable: bool = True,
    ) -> str:
        """See `EventPublisher.emit`."""
        call = partial(
            self._publisher.emit,
            event_type,
            session_id=session_id,
            teacher_id=teacher_id,
            payload=payload,
            school_id=school_id,
            trace_id=trace_id,
            event_time=event_time or self._clock.now(),
            event_id=event_id,
            durable=durable,
        )
        if self._closed:
            return call()  # it takes nothing, and a thread for that would never end
        if (
            self._relay is None or self._process != os.getpid()
        ):  # a forked child has no thread of its parent
            self._process = os.getpid()
            self._relay = Relay()
        return await self._relay.run(call)

    async def flush(self, timeout: float) -> int:
        """See `EventPublisher.flush`."""
        return await asyncio.to_thread(self._publisher.flush, timeout)

    async def close(self, timeout: float = 5.0) -> int:
        """See `EventPublisher.close`."""
        left = await asyncio.to_thread(self._publisher.close, timeout)
        self._closed = True
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.close()
        return left

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()
