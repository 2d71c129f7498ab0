"""Publishers in several worker processes that share Prometheus metrics, as under gunicorn."""

import subprocess
import sys

import pytest

WORKERS = """
import os, signal, sys
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest, multiprocess

from classwaves_ingestor.producer import EventPublisher, MemoryTransport, PublisherSettings

EVENT = {"session_id": "s", "teacher_id": "t"}


def worker(number, events):
    topic = MemoryTransport()
    topic.away = True
    settings = PublisherSettings(
        kafka={"bootstrap.servers": "none"}, spool_folder=Path(sys.argv[1]) / str(number)
    )
    publisher = EventPublisher(settings, component="worker", connect=topic.connect)
    for _ in range(events):
        publisher.emit("started", **EVENT)
    while publisher._metrics._metrics["spool_events"]._value.get() != events:
        signal.sigtimedwait([], 0.01)
    os.write(ready, b".")
    signal.pause()


def scrape():
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)
    lines = generate_latest(registry).decode().splitlines()
    print(*(line for line in lines if line.startswith("ingestor_publisher_spool_events")))


waiting, ready = os.pipe()
workers = []
for number, events in enumerate((5, 7)):
    child = os.fork()
    if child == 0:
        worker(number, events)
    workers.append(child)
    os.read(waiting, 1)
scrape()
os.kill(workers[0], signal.SIGKILL)
os.waitpid(workers[0], 0)
multiprocess.mark_process_dead(workers[0])
scrape()
os.kill(workers[1], signal.SIGKILL)
"""


@pytest.fixture
def scrapes(tmp_path, monkeypatch):
    (tmp_path / "metrics").mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "metrics"))
    command = [sys.executable, "-c", WORKERS, tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.splitlines()


def test_gauges_add_up_living_workers_and_forget_a_killed_one(scrapes):
    assert scrapes == [
        "ingestor_publisher_spool_events 12.0",
        "ingestor_publisher_spool_events 7.0",
    ]
