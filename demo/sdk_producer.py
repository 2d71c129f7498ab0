"""A producer process that emits with the SDK: `python -m demo.sdk_producer ASSIGNMENT`.

The session controller emits from a thread, the websocket handlers emit from an event loop. The
process ends with code 0 once the broker has acknowledged everything that it, or an earlier process
of the same pod, emitted.
"""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, cast

from prometheus_client import CollectorRegistry, ProcessCollector
from pydantic import Field

from classwaves_ingestor.producer import AsyncEventPublisher, EventPublisher, PublisherSettings
from classwaves_runtime.clock import SystemClock
from classwaves_runtime.health import Health, serve_health
from classwaves_runtime.logs import configure
from classwaves_runtime.signals import stop_event
from classwaves_schemas.envelope import EventType
from classwaves_schemas.times import parse_time
from demo.faults import Delivery
from demo.producer import Answer, Assignment, Journal, path_of
from demo.school_day import SOCKETS

CLOSE_SECONDS = 120.0  # a restarted broker may take long on a loaded machine
_TICK_SECONDS = 0.5


class PodSettings(PublisherSettings):
    """Settings of a producer process."""

    http_port: int = Field(
        ge=0, le=65_535, description="where to serve /metrics, /healthz and /readyz"
    )


class Emission(TypedDict):
    """The arguments of `emit`."""

    event_type: EventType
    session_id: str
    teacher_id: str
    school_id: str
    payload: dict[str, Any]
    event_time: datetime
    event_id: str


@dataclass(frozen=True)
class SdkPod:
    """One process of a pod. It continues after the journal entries of earlier processes.

    Args:
        assignment: of the pod.
        settings: of its publisher.
        journal: of the pod.
        registry: of the metrics that it serves.
        health: state of /healthz and /readyz.
        stop: set when the process is asked to end.
        orphans: spools of killed predecessors that existed before this process made its own.
    """

    assignment: Assignment
    settings: PodSettings
    journal: Journal
    registry: CollectorRegistry
    health: Health
    stop: threading.Event
    orphans: Sequence[Path]

    def remaining(self) -> Iterator[tuple[float, Delivery]]:
        """Yield the deliveries that are not in the journal, each with its due Unix time."""
        for due, delivery in self.assignment.deliveries():
            if delivery.event_id not in self.journal.known:
                yield due, delivery

    def wait(self, due: float) -> float:
        """Return the seconds to sleep before the next call; 0 if due, or if asked to end."""
        self.health.heartbeat()
        return 0.0 if self.stop.is_set() else min(max(due - time.time(), 0.0), _TICK_SECONDS)

    def await_orphans(self, sleep: Callable[[float], object] = time.sleep) -> None:
        """Wait until the spools of killed predecessors are sent, at most `CLOSE_SECONDS`."""
        deadline = time.monotonic() + CLOSE_SECONDS
        while any(spool.exists() for spool in self.orphans) and time.monotonic() < deadline:
            self.health.heartbeat()
            sleep(0.05)


def emission(delivery: Delivery) -> Emission:
    """Return the arguments of `emit` for a delivery.

    The id is given, as the backend does it, so that the journal can name an event before `emit`.
    """
    message = delivery.message
    return {
        "event_type": EventType(message["event_type"]),
        "session_id": message["session_id"],
        "teacher_id": message["teacher_id"],
        "school_id": message["school_id"],
        "payload": message["payload"],
        "event_time": parse_time(message["event_time"]),
        "event_id": message["id"],
    }


@contextmanager
def sdk_pod(assignment: Assignment) -> Iterator[SdkPod]:
    """Serve the probes of a pod while the block runs."""
    configure(os.environ)
    settings = PodSettings.from_environment(os.environ)
    stop, health, registry = stop_event(), Health(SystemClock()), CollectorRegistry()
    orphans = list(settings.spool_folder.glob("*.spool"))
    ProcessCollector(registry=registry)
    with (
        closing(Journal(path_of(assignment.journals, assignment.pod))) as journal,
        serve_health(settings.http_port, health, registry),
    ):
        yield SdkPod(assignment, settings, journal, registry, health, stop, orphans)


def run_controller(assignment: Assignment) -> int:
    """Emit from this thread until all is sent or a signal arrives; return the exit code."""
    with sdk_pod(assignment) as pod:
        publisher = EventPublisher(pod.settings, component=assignment.pod, registry=pod.registry)
        pod.health.ready("start")
        for due, delivery in pod.remaining():
            while wait := pod.wait(due):
                time.sleep(wait)
            if pod.stop.is_set():
                break
            pod.journal.write(delivery, Answer.INTENDED)
            publisher.emit(**cast("Any", emission(delivery)))
            pod.journal.write(delivery, Answer.RETURNED)
        pod.await_orphans()
        return 1 if publisher.close(CLOSE_SECONDS) else 0


async def run_handler(assignment: Assignment) -> int:
    """Emit from the event loop until all is sent or a signal arrives; return the exit code."""
    with sdk_pod(assignment) as pod:
        publisher = AsyncEventPublisher(
            pod.settings, component=assignment.pod, registry=pod.registry
        )
        pod.health.ready("start")
        for due, delivery in pod.remaining():
            while wait := pod.wait(due):
                await asyncio.sleep(wait)
            if pod.stop.is_set():
                break
            pod.journal.write(delivery, Answer.INTENDED)
            await publisher.emit(**cast("Any", emission(delivery)))
            pod.journal.write(delivery, Answer.RETURNED)
        await asyncio.to_thread(pod.await_orphans)
        return 1 if await publisher.close(CLOSE_SECONDS) else 0


def main(assignment: Assignment) -> int:
    """Run the pod of an assignment; return the exit code."""
    if assignment.pod in SOCKETS:
        return asyncio.run(run_handler(assignment))
    return run_controller(assignment)


if __name__ == "__main__":
    sys.exit(main(Assignment.from_command_line()))
