"""Pods: the named processes of a run, started and restarted, and the broker."""

import json
import os
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Self

from demo.environment import Environment
from demo.errors import ProcessDied
from demo.faults import Kind
from demo.process import Process
from demo.producer import Assignment
from demo.school_day import PLAIN_PODS, SDK_PODS
from demo.settings import Plan
from local.kafka import Kafka, LocalKafkaError
from local.kafka.free_port import free_port
from local.kafka.proxy import TcpProxy


class Broker:
    """Kills and restarts a local Kafka, without waiting for the restart.

    Args:
        kafka: to control. Only a process that the demo started can be killed.
    """

    def __init__(self, kafka: Kafka) -> None:
        self.product = kafka.product.rstrip(",")
        self._process = kafka.broker
        self._up = True
        self._error: LocalKafkaError | None = None

    def __str__(self) -> str:
        return "the broker"

    @property
    def can_be_killed(self) -> bool:
        """Whether the demo started it."""
        return self._process is not None

    @property
    def up(self) -> bool:
        """Whether it answers. Raises StartError if it could not be started again."""
        if self._error is not None:
            raise self._error
        return self._up

    def begin(self, kind: Kind) -> None:
        """Let a fault begin."""
        assert kind is Kind.KILL, f"the broker has no fault of kind {kind}"
        self.kill()

    def end(self, _kind: Kind) -> None:
        """Let it end."""
        self.start()

    def kill(self) -> None:
        """SIGKILL; its data remain."""
        assert self._process is not None, "the demo did not start this broker"
        self._up = False
        self._process.kill()

    def start(self) -> None:
        """Start it on the same data in the background."""
        Thread(target=self._start, name="broker-start", daemon=True).start()

    def _start(self) -> None:
        assert self._process is not None
        try:
            self._process.start()
        except LocalKafkaError as error:
            self._error = error
        else:
            self._up = True


class Network:
    """The connections between a broker and its clients.

    Args:
        proxy: through which all clients reach the broker.
    """

    def __init__(self, proxy: TcpProxy) -> None:
        self._proxy = proxy

    up = True

    def __str__(self) -> str:
        return "the network"

    def begin(self, kind: Kind) -> None:
        """Let a fault begin."""
        assert kind is Kind.CUT, f"the network has no fault of kind {kind}"
        self._proxy.cut()

    def end(self, _kind: Kind) -> None:
        """Let it end."""
        self._proxy.heal()


class Pod:
    """A named process that can be killed and restarted. It ends with the `with` block.

    Args:
        environment: where it runs.
        name: also of its log files.
        command: program and arguments.
        environ: variables in addition to the environment's.
        port: of its probes; None without probes.
        lasting: whether it runs until SIGTERM; others end with code 0 when their work is
            done.
    """

    def __init__(
        self,
        environment: Environment,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        port: int | None = None,
        lasting: bool = False,
    ) -> None:
        self.name = name
        self.port = port
        self._environment = environment
        self._command = command
        self._environ = dict(environ) if port is None else {**environ, "HTTP_PORT": str(port)}
        self._lasting = lasting
        self._process: Process | None = None
        self._starts = 0
        self._asked = False

    @property
    def pid(self) -> int | None:
        """The id of its process; None if none runs."""
        return (
            self._process.pid if self._process is not None and self._process.code is None else None
        )

    @property
    def up(self) -> bool:
        """Whether its process runs."""
        return self.pid is not None

    @property
    def failed(self) -> bool:
        """Whether its process ended unexpectedly."""
        if self._process is None or self._process.code is None:
            return False
        # SIGTERM before the handler is installed ends the process with -SIGTERM.
        clean = {0, -signal.SIGTERM} if self._asked else set() if self._lasting else {0}
        return self._process.code not in clean

    @property
    def ended(self) -> bool:
        """Whether its process ended by itself."""
        return self._process is not None and self._process.code is not None

    def __str__(self) -> str:
        return self.name if self.pid is None else f"{self.name} (process {self.pid})"

    def start(self) -> None:
        """Start a new process in place of the previous one."""
        self.kill()
        self._starts += 1
        self._process = self._environment.start(
            f"{self.name}-start-{self._starts}", *self._command, **self._environ
        )

    def kill(self) -> None:
        """SIGKILL to the process, if there is one. The pod is down until it is started again."""
        if self._process is not None:
            self._process.kill()
            self._process = None

    def begin(self, kind: Kind) -> None:
        """Let a fault of its process begin."""
        assert self.pid is not None, f"{self.name} does not run"
        if kind is Kind.KILL:
            self.kill()
        elif kind is Kind.FREEZE:
            os.kill(self.pid, signal.SIGSTOP)
        else:
            limits = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
            # Python ignores SIGXFSZ, so a write fails as it does on a full disk.
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (0, limits[1]))

    def end(self, kind: Kind) -> None:
        """Let a fault of its process end."""
        if kind is Kind.KILL:
            self.start()
        elif self.pid is not None and kind is Kind.FREEZE:
            os.kill(self.pid, signal.SIGCONT)
        elif self.pid is not None:
            limits = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
            resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (limits[1], limits[1]))

    def terminate(self) -> None:
        """SIGTERM to the process, if one runs."""
        if self._process is not None and self._process.code is None:
            self._asked = True
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Return once it has ended.

        Raises ProcessDied if it does not do so cleanly within so many seconds.
        """
        if self._process is not None and self._process.wait(seconds) != 0:
            raise self._died(self._process)

    def check(self) -> None:
        """Raise ProcessDied if its process ended unexpectedly."""
        if self.failed and self._process is not None:
            raise self._died(self._process)

    def _died(self, process: Process) -> ProcessDied:
        return ProcessDied(f"{self.name} ended with {process.code}: {process.log_tail()}")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


@dataclass(frozen=True)
class Processes:
    """All pods of a run."""

    consumers: Sequence[Pod]
    publishers: Sequence[Pod]
    plain: Sequence[Pod]

    @property
    def producers(self) -> Sequence[Pod]:
        """The pods that send."""
        return [*self.publishers, *self.plain]

    @property
    def observable(self) -> Sequence[Pod]:
        """The pods that serve metrics."""
        return [*self.consumers, *self.publishers]


def consumers(environment: Environment, count: int) -> list[Pod]:
    """Return consumers, each with a fixed port."""
    command = environment.command("ingestor", "run")
    return [
        Pod(environment, f"consumer-{number}", command, {}, port=port, lasting=True)
        for number, port in enumerate(_free_ports(count), 1)
    ]


def publishers(environment: Environment, plan: Plan, begins_at: float) -> list[Pod]:
    """Return the producers with the SDK, each with its own spool folder.

    The day begins at this Unix time.
    """
    return [
        Pod(
            environment,
            name,
            _command("sdk_producer", environment, plan, name, begins_at),
            {"SPOOL_FOLDER": str(environment.spools / name)},
            port=port,
        )
        for name, port in zip(SDK_PODS, _free_ports(len(SDK_PODS)), strict=True)
    ]


def plain_producers(environment: Environment, plan: Plan, begins_at: float) -> list[Pod]:
    """Return the producers without the SDK."""
    return [
        Pod(environment, name, _command("plain_producer", environment, plan, name, begins_at), {})
        for name in PLAIN_PODS
    ]


def write_targets(path: Path, pods: Sequence[Pod]) -> None:
    """Write the scrape targets for Prometheus' `file_sd_configs`."""
    targets = [{"targets": [f"127.0.0.1:{pod.port}"], "labels": {"pod": pod.name}} for pod in pods]
    path.write_text(json.dumps(targets, indent=2) + "\n")


def _command(
    module: str, environment: Environment, plan: Plan, pod: str, begins_at: float
) -> list[str]:
    assignment = Assignment(
        pod=pod,
        topic=environment.settings.session_events_topic,
        journals=environment.journals,
        seed=plan.seed,
        teachers=plan.teachers,
        days=plan.days,
        begins_at=begins_at,
        day_seconds=plan.day_seconds,
        message_faults=plan.message_faults,
    )
    return [sys.executable, "-m", f"demo.{module}", assignment.model_dump_json()]


def _free_ports(count: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return sorted(ports)
