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
    """Garbage stays until it is asked for."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_a_child_leaves_alone_what_its_parents_closed_publishers_left_uncollected(
    tmp_path, uncollected
):
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


def test_however_busy_the_parent_is_its_children_can_emit(tmp_path):
    """A lock that one of the parent's threads held inside SQLite would stay taken in the child for ever."""
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
                signal.alarm(20)  # a child that hangs is no test that hangs
                publisher.emit("ended", **EVENT)
                os._exit(0)
            children.append(child)
        over.set()
        emitting.join()
        exits = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert exits == [0] * CHILDREN
