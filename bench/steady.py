"""Emits events at a steady rate: `python -m bench.steady PER_SECOND SECONDS JOURNAL`.

The journal has a line for each event: its id, and the Unix time at which `emit` was called.
"""

import time
from pathlib import Path
from typing import Annotated

import typer
from prometheus_client import CollectorRegistry

from bench.command import run_benchmark
from classwaves_ingestor.producer import EventPublisher, StartedFields

_TICK_SECONDS = 0.01
_SESSIONS = [f"3d9f1c52-5d0e-4d7e-a2f7-{number:012x}" for number in range(200)]
_TEACHER = "9a0e1f7f-0b9f-4c11-9d0f-1f0e0a534f7b"
_PAYLOAD: StartedFields = {
    "readyGroupsAtStart": 4,
    "startedWithoutReadyGroups": False,
    "readinessRatio": 1.0,
}
_CLOSE_SECONDS = 30.0


def emit_steadily(
    publisher: EventPublisher, per_second: float, seconds: float, journal: Path
) -> None:
    """Emit at this rate for some seconds, and write the journal."""
    with journal.open("w") as lines:
        began, emitted = time.monotonic(), 0
        while (since := time.monotonic() - began) < seconds:
            while emitted < per_second * since:
                at = time.time()
                event_id = publisher.emit(
                    "started",
                    session_id=_SESSIONS[emitted % len(_SESSIONS)],
                    teacher_id=_TEACHER,
                    payload=_PAYLOAD,
                )
                lines.write(f"{event_id} {at:.6f}\n")
                emitted += 1
            time.sleep(_TICK_SECONDS)


def main(
    per_second: Annotated[float, typer.Argument(help="Events a second.")],
    seconds: Annotated[float, typer.Argument(help="Duration.")],
    journal: Annotated[Path, typer.Argument(help="File to write ids and times to.")],
) -> None:
    """Emit events with the SDK, configured as a service: by environment variables."""
    publisher = EventPublisher(component="bench", registry=CollectorRegistry())
    try:
        emit_steadily(publisher, per_second, seconds, journal)
    finally:
        left = publisher.close(_CLOSE_SECONDS)
    if left:
        raise typer.Exit(1)


if __name__ == "__main__":
    run_benchmark(main)
