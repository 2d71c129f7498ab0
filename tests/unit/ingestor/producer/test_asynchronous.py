import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import AsyncEventPublisher, InvalidEvent, PublisherClosed
from tests.support.publishing import EVENT, QUICK, decode, settings
from tests.support.waiting import wait_until


@pytest.fixture
def publisher(tmp_path, topic):
    return AsyncEventPublisher(
        settings(tmp_path),
        component="test",
        registry=CollectorRegistry(),
        connect=topic.connect,
        policy=QUICK,
    )


def test_emit_flush_and_close_can_be_awaited(publisher, topic):
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

    assert asyncio.run(service()) == {event["id"] for event in decode(topic.messages)}


def test_events_are_numbered_in_the_order_of_the_calls(publisher, topic):
    async def service():
        ids = await asyncio.gather(*(publisher.emit("started", **EVENT) for _ in range(100)))
        await publisher.close()
        return ids

    ids = asyncio.run(service())
    assert [event["id"] for event in decode(topic.messages)] == ids
    assert [event["sequence"] for event in decode(topic.messages)] == list(range(1, 101))


def test_the_event_time_is_the_time_of_the_call_not_of_the_write(publisher, topic):
    async def service():
        emitting = [asyncio.ensure_future(publisher.emit("started", **EVENT)) for _ in range(2)]
        await asyncio.sleep(0)
        called = publisher._clock.now()
        await asyncio.gather(*emitting)
        await publisher.close()
        return called

    called = asyncio.run(service())
    assert all(event["event_time"] < called.isoformat() for event in decode(topic.messages))


def test_a_cancelled_call_does_not_affect_the_others(publisher, topic):
    async def service():
        emitting = [asyncio.ensure_future(publisher.emit("started", **EVENT)) for _ in range(50)]
        await asyncio.sleep(0)
        for each in emitting[::2]:
            each.cancel()
        answers = await asyncio.gather(*emitting, return_exceptions=True)
        await publisher.close()
        return answers

    answers = asyncio.run(service())
    assert all(isinstance(each, asyncio.CancelledError) for each in answers[::2])
    assert set(answers[1::2]) <= {event["id"] for event in decode(topic.messages)}


def test_each_event_loop_gets_the_results_of_its_own_calls(publisher, topic):
    async def service():
        return await asyncio.gather(*(publisher.emit("started", **EVENT) for _ in range(40)))

    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(lambda _: asyncio.run(service()), range(3)))
    asyncio.run(publisher.close())
    ids = [each for answer in answers for each in answer]
    assert len(set(ids)) == 120
    assert sorted(ids) == sorted(event["id"] for event in decode(topic.messages))


def test_a_closed_event_loop_does_not_affect_the_results_of_another(publisher, topic):
    async def hasty():
        asyncio.ensure_future(publisher.emit("started", **EVENT)).cancel()
        publisher._bridge and publisher._bridge.run(lambda: "ignored")

    async def service():
        return await publisher.emit("started", **EVENT)

    asyncio.run(hasty())
    first = asyncio.run(service())
    asyncio.run(hasty())
    second = asyncio.run(service())
    asyncio.run(publisher.close())
    assert [event["id"] for event in decode(topic.messages)][-2:] == [first, second]


def test_a_call_after_close_is_refused_without_starting_a_thread(publisher):
    async def service():
        await publisher.close()
        with pytest.raises(PublisherClosed):
            await publisher.emit("started", **EVENT)

    before = set(threading.enumerate())
    asyncio.run(service())
    assert not [
        each
        for each in set(threading.enumerate()) - before
        if each.name.startswith("event-publisher")
    ]


def test_a_publisher_that_never_emitted_can_be_closed(publisher):
    assert asyncio.run(publisher.close()) == 0


def test_a_forked_child_emits_on_its_own_thread(publisher, topic, tmp_path):
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


def test_at_the_end_of_the_interpreter_calls_run_without_a_thread(publisher, topic):
    async def service():
        first = await publisher.emit("started", **EVENT)
        publisher._bridge._executor.shutdown()
        await asyncio.get_running_loop().shutdown_default_executor()
        second = await publisher.emit("ended", **EVENT)
        assert await publisher.flush(30) == 0
        assert await publisher.close() == 0
        return [first, second]

    assert asyncio.run(service()) == [event["id"] for event in decode(topic.messages)]
