import os
import signal
import threading

import pytest
from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import EventPublisher, MemoryTransport
from tests.faults.producer_process import run
from tests.support.publishing import EVENT, QUICK, settings

CHILDREN = 40


# Another library's hook runs in the child before the publisher's, and the garbage collection in it.
# librdkafka blocks all other signals than SIGKILL while it waits.
COLLECTED_IN_THE_CHILD = """
import gc, os, signal, sys, time
from pathlib import Path
os.register_at_fork(after_in_child=gc.collect)

from prometheus_client import CollectorRegistry
from classwaves_ingestor.producer import EventPublisher
from tests.faults.producer_process import run
from tests.support.publishing import EVENT, QUICK, settings

def forked(depth):
    child = os.fork()
    if child == 0:
        if depth:
            forked(depth - 1)
        os._exit(0)
    deadline = time.monotonic() + 10
    while not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    status = os.waitpid(child, 0)[1]
    if status:
        os._exit(os.waitstatus_to_exitcode(status) % 256)

gc.disable()
with EventPublisher(
    settings(Path(sys.argv[1])), component="parent", registry=CollectorRegistry(), policy=QUICK
) as publisher:
    publisher.emit("started", **EVENT, durable=False)
del publisher
forked(depth=2)
"""

# Only the first validation of a process is at stake, so that one run shows little.
FORKED_AT_THE_FIRST_EMIT = """
import os, signal, sys, threading
from pathlib import Path
from prometheus_client import CollectorRegistry
from classwaves_ingestor.producer import EventPublisher, MemoryTransport
from tests.faults.producer_process import run
from tests.support.publishing import EVENT, QUICK, settings

over = threading.Event()
publisher = EventPublisher(
    settings(Path(sys.argv[1])),
    component="parent",
    connect=MemoryTransport().connect,
    registry=CollectorRegistry(),
    policy=QUICK,
)

def emit():
    while not over.is_set():
        publisher.emit("started", **EVENT)

emitting = threading.Thread(target=emit)
emitting.start()
children = []
for _ in range(20):
    child = os.fork()
    if child == 0:
        signal.alarm(10)  # a hanging child does not hang the test
        publisher.emit("ended", **EVENT)
        os._exit(0)
    children.append(child)
over.set()
emitting.join()
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
publisher.close()
"""


def test_a_child_never_finalizes_the_uncollected_publishers_of_its_ancestors(tmp_path):
    run(COLLECTED_IN_THE_CHILD, tmp_path)


@pytest.mark.parametrize("attempt", range(6))
def test_children_forked_at_the_first_emit_can_emit(tmp_path, attempt):
    assert run(FORKED_AT_THE_FIRST_EMIT, tmp_path) == f"{[0] * 20}\n"


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
