import asyncio
import os

import pytest
from prometheus_client import CollectorRegistry

from ingestor.producer import AsyncEventPublisher, InvalidEvent, MemoryTransport, PublisherClosed
from tests.support.publishing import EVENT, QUICK, settings, told
from tests.support.waiting import wait_until


@pytest.fixture
def topic():
    return MemoryTransport()


@pytest.fixture
def publisher(tmp_path, topic):
    return AsyncEventPublisher(
        settings(tmp_path), component="test", registry=CollectorRegistry(), connect=topic.connect, policy=QUICK
    )


def test_the_same_verbs_can_be_awaited(publisher, topic):
    async def service():
        async with publisher:
            first = await publisher.emit("started", **EVENT)
            with pytest.raises(InvalidEvent):
                await publisher.emit("started", **EVENT | {"session_id": ""})
            second = await publisher.emit("ended", **EVENT, durable=False)
            assert await publisher.flush(30) == 0
        with pytest.raises(PublisherClosed):
            await publisher.emit("started", **EVENT)
        return {first, second}

    assert asyncio.run(service()) == {event["id"] for event in told(topic.messages)}


def test_events_are_numbered_in_the_order_of_the_calls(publisher, topic):
    async def service():
        ids = await asyncio.gather(*(publisher.emit("started", **EVENT) for _ in range(100)))
        await publisher.close()
        return ids

    ids = asyncio.run(service())
    assert [event["id"] for event in told(topic.messages)] == ids
    assert [event["sequence"] for event in told(topic.messages)] == list(range(1, 101))


def test_an_event_happened_when_emit_was_called_not_when_its_turn_came(publisher, topic):
    async def service():
        emitting = [asyncio.ensure_future(publisher.emit("started", **EVENT)) for _ in range(2)]
        await asyncio.sleep(0)
        called = publisher._clock.now()
        await asyncio.gather(*emitting)
        await publisher.close()
        return called

    called = asyncio.run(service())
    assert all(event["event_time"] < called.isoformat() for event in told(topic.messages))


def test_one_that_never_emitted_can_be_closed(publisher):
    assert asyncio.run(publisher.close()) == 0


def test_a_forked_child_emits_on_a_thread_of_its_own(publisher, topic, tmp_path):
    topic.away = True
    asyncio.run(publisher.emit("started", **EVENT))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            asyncio.run(publisher.emit("started", **EVENT))
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    topic.away = False
    wait_until(lambda: len(topic.messages) == 2, "both arrive")
    asyncio.run(publisher.close())
