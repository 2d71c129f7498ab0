"""Web workers of gevent and eventlet that emit while the broker is up, away or hanging."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from local.kafka.free_port import free_port
from tests.support.topic_reader import read_topic
from tests.support.waiting import TIMEOUT_SECONDS, wait_until

APPLICATION = """
import os
import time

from classwaves_ingestor.producer import EventPublisher

EVENT = {"session_id": "s", "teacher_id": "t"}
publisher = EventPublisher(component="web")


def answer(path):
    match path:
        case "/emit":
            return publisher.emit("started", **EVENT)
        case "/flush":
            publisher.emit("ended", **EVENT, durable=False)
            return str(publisher.flush(4))
        case "/rest":  # a greenlet waits, as for a database
            time.sleep(0.2)
            return "rested"


def application(environ, start_response):
    text = answer(environ["PATH_INFO"])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{os.getpid()} {text}".encode()]
"""
EVENTLET = """
import warnings

warnings.simplefilter("ignore")
import eventlet

eventlet.monkey_patch()
import sys

import eventlet.wsgi

from application import application

eventlet.wsgi.server(eventlet.listen(("127.0.0.1", int(sys.argv[1]))), application)
"""
GUNICORN = ["-m", "gunicorn", "--worker-class=gevent", "--timeout=15", "application:application"]
SERVERS = {
    "gevent": lambda port: [*GUNICORN, f"--bind=127.0.0.1:{port}"],
    "gevent, loaded before the fork": lambda port: [
        *GUNICORN,
        f"--bind=127.0.0.1:{port}",
        "--preload",
    ],
    "eventlet": lambda port: ["-c", EVENTLET, str(port)],
}


class Worker:
    """A web server with one worker process, whose application emits."""

    def __init__(self, folder: Path, server: str, bootstrap_servers: str, topic: str) -> None:
        self.port = free_port()
        self.log = folder / "log"
        (folder / "application.py").write_text(APPLICATION)
        environ = os.environ | {
            "KAFKA_BOOTSTRAP_SERVERS": bootstrap_servers,
            "SESSION_EVENTS_TOPIC": topic,
            "SPOOL_FOLDER": str(folder / "spool"),
            "PYTHONPATH": os.pathsep.join([str(folder), *sys.path]),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *SERVERS[server](self.port)],
                env=environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def get(self, path: str) -> tuple[int, str]:
        """The worker's process id and its answer; only a frozen worker reaches the timeout."""
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=60) as response:
            process_id, text = response.read().decode().split(" ", 1)
        return int(process_id), text

    def answers(self) -> bool:
        """Whether the worker answers."""
        assert self.process.poll() is None, self.log.read_text()
        try:
            return bool(self.get("/rest"))
        except OSError:
            return False

    def close(self) -> None:
        """End the server and its worker."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(params=SERVERS)
def serve(request, tmp_path, topic_name):
    """Start a worker with these bootstrap servers, and wait until it answers."""
    workers = []

    def serve(bootstrap_servers):
        workers.append(Worker(tmp_path, request.param, bootstrap_servers, topic_name))
        wait_until(workers[-1].answers, "the worker answers")
        return workers[-1]

    yield serve
    for worker in workers:
        worker.close()


@pytest.fixture
def closed_port() -> str:
    """The address of a broker that is away."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def hanging() -> Iterator[str]:
    """The address of a broker that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def in_background(call) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=call)
    thread.start()
    yield thread
    thread.join(TIMEOUT_SECONDS)
    assert not thread.is_alive()


def serve_requests(worker, requests=25):
    """Emit and wait in turn; return the ids of the worker processes and of the events."""
    processes, ids = set(), []
    for _ in range(requests):
        process_id, event_id = worker.get("/emit")
        processes |= {process_id, worker.get("/rest")[0]}
        ids.append(event_id)
    return processes, ids


@pytest.mark.parametrize("broker", ["closed_port", "hanging"])
def test_without_a_broker_requests_that_emit_are_answered_by_the_same_worker(
    serve, broker, request
):
    worker = serve(request.getfixturevalue(broker))
    processes, ids = serve_requests(worker)
    assert len(processes) == 1
    assert len(set(ids)) == 25
    assert not re.search("TIMEOUT|Traceback|Booting worker.*Booting worker", worker.log.read_text())


def test_without_a_broker_a_flush_delays_no_other_request(serve, closed_port):
    worker, flushed = serve(closed_port), []
    worker.get("/emit")
    with in_background(lambda: flushed.append(worker.get("/flush"))) as flush:
        process_id, _ = worker.get("/rest")
        for _ in range(5):
            worker.get("/emit")
        assert flush.is_alive()
    ((flusher, left),) = flushed
    assert flusher == process_id
    assert int(left) == 7


def test_events_of_a_worker_arrive(serve, kafka, topic_name):
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    admin.create_topics([NewTopic(topic_name, 2, 1)])[topic_name].result()
    worker = serve(kafka.bootstrap_servers)
    processes, ids = serve_requests(worker)
    assert worker.get("/flush")[1] == "0"
    assert len(processes) == 1
    messages = [
        json.loads(each.value()) for each in read_topic(kafka.bootstrap_servers, topic_name)
    ]
    assert [each["id"] for each in messages if each["event_type"] == "started"] == ids
    assert len(messages) == len(ids) + 1
