import gc
import os
import signal
import threading

import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import EventPublisher, MemoryTransport
from tests.support.publishing import EVENT, QUICK, settings
from tests.support.waiting import wait_until

CHILDREN = 40


@pytest.fixture
def uncollected():
    """Disable garbage collection; the test collects explicitly."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_child_does_not_finalize_the_uncollected_publishers_of_its_parent(tmp_path, uncollected):
    with EventPublisher(
        settings(tmp_path), component="parent", registry=CollectorRegistry(), policy=QUICK
    ) as publisher:
        publisher.emit("started", **EVENT, durable=False)
    del publisher
    child = os.fork()
    if child == 0:
        gc.collect()
        os._exit(0)
    try:
        wait_until(
            lambda: os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT),
            "the child ends",
        )
    finally:
        os.kill(child, signal.SIGKILL)  # librdkafka blocks all other signals while it waits
        status = os.waitpid(child, 0)[1]
    assert os.waitstatus_to_exitcode(status) == 0


def test_children_of_a_busy_parent_can_emit(tmp_path):
    """A lock that a thread of the parent holds inside SQLite would never be released in a child."""
    topic, over = MemoryTransport(), threading.Event()

    with EventPublisher(
        settings(tmp_path),
        component="parent",
        connect=topic.connect,
        registry=CollectorRegistry(),
        policy=QUICK,
    ) as publisher:

        def emit():
            while not over.is_set():
                publisher.emit("started", **EVENT)

        emitting = threading.Thread(target=emit)
        emitting.start()
        children = []
        for _ in range(CHILDREN):
            child = os.fork()
            if child == 0:
                signal.alarm(20)  # a hanging child does not hang the test
                publisher.emit("ended", **EVENT)
                os._exit(0)
            children.append(child)
        over.set()
        emitting.join()
        exits = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert exits == [0] * CHILDREN
