"""Processes that end while threads emit, with and without `close`."""

import pytest

from tests.faults.producer_process import emitted, left_events, run

PREPARE = """
import asyncio, atexit, os, sys, threading, time
from pathlib import Path
from classwaves_ingestor.producer import AsyncEventPublisher, EventPublisher, PublisherError
from tests.support.publishing import EVENT, settings

folder = Path(sys.argv[1])
log = os.open(folder / "emitted", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def emit(durable=True):
    event_id = publisher.emit("started", **EVENT, durable=durable)
    if durable:
        os.write(log, event_id.encode() + b"\\n")


def emit_forever(durable):
    while True:
        try:
            emit(durable)
        except PublisherError:
            return


def emit_in_threads():
    for number in range(4):
        threading.Thread(target=emit_forever, args=[number < 3], daemon=True).start()
    while threading.active_count() < 6:
        time.sleep(0.01)
    time.sleep(0.05)


publisher = EventPublisher(settings(folder / "spool"), component="test")
"""
ASYNC = """
publisher.close(0)
publisher = AsyncEventPublisher(settings(folder / "spool"), component="test")


async def emit_forever():
    while True:
        try:
            event_id = await publisher.emit("started", **EVENT)
        except PublisherError:
            return
        os.write(log, event_id.encode() + b"\\n")


async def emit_in_tasks():
    await asyncio.gather(*(emit_forever() for _ in range(20)))


threading.Thread(target=asyncio.run, args=[emit_in_tasks()], daemon=True).start()
time.sleep(0.5)
"""
IN_PYDANTIC = """
from datetime import datetime, timedelta, tzinfo
validating = threading.Event()


class SlowZone(tzinfo):
    def utcoffset(self, when):
        validating.set()
        for _ in range(100):
            time.sleep(0.001)
        return timedelta(0)


def emit_slowly():
    while True:
        publisher.emit("started", **EVENT, event_time=datetime.now().replace(tzinfo=SlowZone()))


emit()
threading.Thread(target=emit_slowly, daemon=True).start()
validating.wait()
"""
ENDS = {
    "the end of the program while pydantic-core runs": IN_PYDANTIC,
    "the end of the program": "emit_in_threads()",
    "sys.exit": "emit_in_threads()\nsys.exit()",
    "close, then sys.exit": "emit_in_threads()\npublisher.close(0.2)\nsys.exit()",
    "close in atexit": "atexit.register(publisher.close, 0.2)\nemit_in_threads()",
    "close in a finalizer": """
class Service:
    def __init__(self):
        self.publisher = publisher

    def __del__(self):
        self.publisher.close(0.2)


service = Service()
for _ in range(50):
    emit()
""",
    "emit in a finalizer": """
class Service:
    def __init__(self, emit):
        self.emit = emit

    def __del__(self):
        self.emit()


service = Service(emit)
emit_in_threads()
""",
    "the end of the program with an event loop in a thread": ASYNC,
    "an awaited close in atexit": f"""
{ASYNC}
atexit.register(lambda: asyncio.run(publisher.close(0.2)))
""",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_process_ends_whatever_its_threads_emit_and_keeps_every_accepted_event(tmp_path, end):
    for attempt in range(8):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        run(PREPARE + ENDS[end], folder)
        ids = emitted(folder)
        assert ids
        assert set(ids) <= {event["id"] for event in left_events(folder)}
