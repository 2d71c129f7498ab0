"""What the demo's own services have in common: probes, a journal, and events that are due."""

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict

from prometheus_client import CollectorRegistry, ProcessCollector
from pydantic import Field

from classwaves_ingestor.producer import PublisherSettings
from classwaves_runtime.clock import SystemClock
from classwaves_runtime.health import Health, serve_health
from classwaves_runtime.logs import configure
from classwaves_runtime.signals import stop_event
from classwaves_schemas.envelope import EventType
from classwaves_schemas.times import parse_time
from demo.assignment import Assignment
from demo.delivery import Delivery
from demo.journal import Journal, path_of

CLOSE_SECONDS = 120.0  # a broker may take its time to come back on a busy machine
_TICK_SECONDS = 0.5


class PodSettings(PublisherSettings):
    """What the environment tells a pod."""

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
    """One process of a pod. An earlier one may have died: its journal says what is left to do.

    Args:
        assignment: what it is told.
        settings: of its publisher.
        journal: of the pod.
        registry: of the metrics that it serves.
        health: what /healthz and /readyz answer.
        stop: set when it shall end.
        orphans: the spools of dead predecessors, as they were before there was one of our own.
    """

    assignment: Assignment
    settings: PodSettings
    journal: Journal
    registry: CollectorRegistry
    health: Health
    stop: threading.Event
    orphans: Sequence[Path]

    def remaining(self) -> Iterator[tuple[float, Delivery]]:
        """What no earlier process has told, each with the Unix time at which it is due."""
        for due, delivery in self.assignment.deliveries():
            if delivery.event_id not in self.journal.known:
                yield due, delivery

    def wait(self, due: float) -> float:
        """For how many seconds to wait before asking again; 0 if it is due, or time to stop."""
        self.health.heartbeat()
        return 0.0 if self.stop.is_set() else min(max(due - time.time(), 0.0), _TICK_SECONDS)

    def await_orphans(self) -> None:
        """Wait until the spools of dead predecessors are sent, but not for ever."""
        deadline = time.monotonic() + CLOSE_SECONDS
        while any(spool.exists() for spool in self.orphans) and time.monotonic() < deadline:
            self.health.heartbeat()
            time.sleep(0.05)


def emission(delivery: Delivery) -> Emission:
    """What a service would pass to `emit` for this delivery.

    The id comes with the event, as the backend makes it: so the journal can name an event before it is emitted.
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
    """A pod that answers its probes while the block runs."""
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
