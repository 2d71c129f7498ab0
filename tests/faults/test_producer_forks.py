import os
import signal
import threading

from prometheus_client import CollectorRegistry

from ingestor.producer import EventPublisher, MemoryTransport
from tests.support.publishing import EVENT, QUICK, settings

CHILDREN = 40


def test_however_busy_the_parent_is_its_children_can_emit(tmp_path):
    """A lock that one of the parent's threads held inside SQLite would stay taken in the child for ever."""
    topic, over = MemoryTransport(), threading.Event()

    with EventPublisher(
        settings(tmp_path), component="parent", connect=topic.connect, registry=CollectorRegistry(), policy=QUICK
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
