"""Processes that emit and log the ids of accepted durable events, and what they leave."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from classwaves_ingestor.producer import EventPublisher, MemoryTransport
from tests.support.publishing import QUICK, decode, settings
from tests.support.waiting import TIMEOUT_SECONDS, wait_until


def run(script: str, folder: Path, *arguments: object) -> str:
    """Run a script with a folder as its first argument, and return what it printed.

    Only a hang reaches the deadline.
    """
    done = subprocess.run(
        [sys.executable, "-c", script, folder, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def emitted(folder: Path) -> list[str]:
    """The ids that the script wrote to `emitted`, one per line."""
    lines = (folder / "emitted").read_text().splitlines(keepends=True)
    return [line.strip() for line in lines if line.endswith("\n")]


def left_events(folder: Path) -> list[dict[str, Any]]:
    """The events in the spools that the script left in `spool`, sent by a successor."""
    topic = MemoryTransport()
    with EventPublisher(
        settings(folder / "spool"),
        component="successor",
        registry=CollectorRegistry(),
        connect=topic.connect,
        policy=replace(QUICK, batch_events=500, adopted_per_second=1e6),
    ):
        wait_until(lambda: len(list((folder / "spool").glob("*.spool"))) == 1, "all are sent")
    return decode(topic.messages)
