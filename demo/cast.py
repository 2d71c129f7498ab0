"""Everybody who plays: consumers, producers with our SDK, and plain producers beside them."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.assignment import Assignment
from demo.lesson import CONTROLLER, PLAIN_PODS, SDK_PODS
from demo.plan import Plan
from demo.pod import Pod
from demo.world import World
from local.kafka.free_port import free_port

# A killed member's partitions go to the others after this time; Kafka's default of 45 s is longer than the demo.
_GROUP = {"KAFKA_SESSION_TIMEOUT_MS": "6000", "KAFKA_HEARTBEAT_INTERVAL_MS": "1500"}
_PACE = {"BATCH_MAX_SECONDS": "0.5"}


@dataclass(frozen=True)
class Cast:
    """All pods of a play."""

    consumers: Sequence[Pod]
    publishers: Sequence[Pod]
    plain: Sequence[Pod]

    @property
    def producers(self) -> Sequence[Pod]:
        """Those who send, one way or the other."""
        return [*self.publishers, *self.plain]

    @property
    def observable(self) -> Sequence[Pod]:
        """Those who serve metrics."""
        return [*self.consumers, *self.publishers]


def consumers(world: World, count: int) -> list[Pod]:
    """So many consumers, whose ports stay, whoever dies."""
    command = world.command("ingestor", "run")
    return [
        Pod(world, f"consumer-{number}", command, {**_GROUP, **_PACE}, port=port, lasting=True)
        for number, port in enumerate(_free_ports(count), 1)
    ]


def publishers(world: World, plan: Plan, begins_at: float) -> list[Pod]:
    """The producers with our SDK, each with a spool folder of its own. The day begins at this Unix time."""
    return [
        Pod(
            world,
            name,
            _command(
                "session_controller" if name == CONTROLLER else "websocket_handler",
                world,
                plan,
                name,
                begins_at,
            ),
            {"SPOOL_FOLDER": str(world.spools / name)},
            port=port,
        )
        for name, port in zip(SDK_PODS, _free_ports(len(SDK_PODS)), strict=True)
    ]


def plain_producers(world: World, plan: Plan, begins_at: float) -> list[Pod]:
    """The producers without it."""
    return [
        Pod(world, name, _command("plain_producer", world, plan, name, begins_at), {})
        for name in PLAIN_PODS
    ]


def write_targets(path: Path, pods: Sequence[Pod]) -> None:
    """Tell Prometheus where to scrape: a file for its `file_sd_configs`."""
    targets = [{"targets": [f"127.0.0.1:{pod.port}"], "labels": {"pod": pod.name}} for pod in pods]
    path.write_text(json.dumps(targets, indent=2) + "\n")


def _command(module: str, world: World, plan: Plan, pod: str, begins_at: float) -> list[str]:
    assignment = Assignment(
        pod=pod,
        topic=world.settings.session_events_topic,
        journals=world.journals,
        seed=plan.seed,
        teachers=plan.teachers,
        days=plan.days,
        begins_at=begins_at,
        day_seconds=plan.day_seconds,
        mischief=plan.mischief,
    )
    return [sys.executable, "-m", f"demo.{module}", assignment.model_dump_json()]


def _free_ports(count: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return sorted(ports)
