"""The publisher for asyncio services."""

import os
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self

from prometheus_client import REGISTRY, CollectorRegistry

from classwaves_ingestor.producer.delivery import DeliveryPolicy
from classwaves_ingestor.producer.loop_bridge import LoopBridge, in_thread
from classwaves_ingestor.producer.publisher import NO_FIELDS, EventPublisher, PayloadFields
from classwaves_ingestor.producer.settings import PublisherSettings
from classwaves_ingestor.producer.transport import Connect
from classwaves_runtime.clock import Clock, SystemClock
from classwaves_schemas.emit_types import typed_emit


class AsyncEventPublisher:
    """`EventPublisher` with awaitable methods.

        publisher = AsyncEventPublisher(component="websocket-handler")
        await publisher.emit(
            "ended", session_id=session.id, teacher_id=teacher.id, payload={"reason": "other"}
        )

    One worker thread emits in the order of the calls, so neither a slow disk nor the broker blocks
    the event loop. A cancelled call may have emitted its event.

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
        self._bridge: LoopBridge | None = None
        self._closed = False

    @typed_emit
    async def emit(
        self,
        event_type: str,
        *,
        session_id: str,
        teacher_id: str,
        payload: PayloadFields = NO_FIELDS,
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
            return call()  # it raises, and a thread for that would never end
        if (
            self._bridge is None or self._process != os.getpid()
        ):  # a forked child does not have its parent's thread
            self._process = os.getpid()
            self._bridge = LoopBridge()
        return await self._bridge.run(call)

    async def flush(self, timeout: float) -> int:
        """See `EventPublisher.flush`."""
        return await in_thread(partial(self._publisher.flush, timeout))

    async def close(self, timeout: float = 5.0) -> int:
        """See `EventPublisher.close`."""
        left = await in_thread(partial(self._publisher.close, timeout))
        self._closed = True
        bridge, self._bridge = self._bridge, None
        if bridge is not None:
            bridge.close()
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
