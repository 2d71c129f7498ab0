"""Signal handlers that emit and close, at any moment of an emit."""

import pytest

from tests.faults.producer_process import emitted, left_events, run
from tests.support.publishing import sequences_by_source

EMIT = """
import os, signal, sys, time
from pathlib import Path
from classwaves_ingestor.producer import EventPublisher, MemoryTransport, QueueFull
from tests.support.publishing import EVENT, settings

folder, durable, interval = Path(sys.argv[1]), sys.argv[2] == "durable", float(sys.argv[3])
log = os.open(folder / "emitted", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
topic = MemoryTransport()
topic.away = True
publisher = EventPublisher(settings(folder / "spool"), component="test", connect=topic.connect)
handled = depth = 0


def emit(event_type, durable):
    try:
        event_id = publisher.emit(event_type, **EVENT, durable=durable)
    except QueueFull:
        return
    if durable:
        os.write(log, f"{event_id}\\n".encode())


def handler(*_):
    global handled, depth
    if depth < 4:  # a signal may interrupt a handler too
        depth += 1
        emit("ended", durable=durable or handled % 2 == 0)
        depth -= 1
        handled += 1


signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, interval, interval)
until = time.monotonic() + 4
while time.monotonic() < until or handled < 50:
    emit("started", durable)
signal.setitimer(signal.ITIMER_REAL, 0)
publisher.close(0.2)
"""
GOODBYE = """
import os, signal, sys
from pathlib import Path
from classwaves_ingestor.producer import EventPublisher, MemoryTransport
from tests.support.publishing import EVENT, settings

folder = Path(sys.argv[1])
log = os.open(folder / "emitted", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
publisher = EventPublisher(
    settings(folder / "spool"), component="test", connect=MemoryTransport().connect
)


def emit(event_type):
    os.write(log, publisher.emit(event_type, **EVENT).encode() + b"\\n")


def goodbye(*_):
    emit("ended")
    publisher.close(1)
    os._exit(0)


signal.signal(signal.SIGALRM, goodbye)
signal.setitimer(signal.ITIMER_REAL, float(sys.argv[2]))
while True:
    emit("started")
"""


@pytest.mark.parametrize("durable", ["durable", "direct"])
def test_a_signal_handler_can_emit_at_any_moment_of_an_emit(tmp_path, durable):
    run(EMIT, tmp_path, durable, 0.0007)
    events = left_events(tmp_path)
    ids = emitted(tmp_path)
    assert len(ids) > 20
    assert set(ids) <= {event["id"] for event in events}
    for numbers in sequences_by_source(events).values():
        dense = list(range(1, len(numbers) + 1))
        assert numbers == (dense if durable == "durable" else sorted(numbers))


@pytest.mark.parametrize("attempt", range(12))
def test_a_signal_handler_can_emit_and_close_at_any_moment_of_an_emit(tmp_path, attempt):
    run(GOODBYE, tmp_path, 0.2 + attempt * 0.0317)
    assert len(emitted(tmp_path)) > 20
