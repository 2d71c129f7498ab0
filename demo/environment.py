"""The environment of one run: a folder, variables, and the project's commands."""

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from classwaves_ingestor.settings import StreamSettings
from classwaves_schemas.tables import SESSION_EVENTS
from demo.errors import CommandFailed
from demo.process import Process
from local.kafka import Kafka

Program = Literal["ingestor", "rollup", "analytics"]
_COMMAND_SECONDS = 300.0


@dataclass(frozen=True)
class Environment:
    """The folder and variables of one run.

    Args:
        folder: logs, journals, the pseudonym key and the warehouse.
        environ: the environment of all its processes.
        begun_at: its time of creation.
    """

    folder: Path
    environ: Mapping[str, str]
    begun_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def create(cls, folder: Path, kafka: Kafka, name: str, warehouse: str | None = None) -> Self:
        """Create an environment in an empty folder, with new topics and a new group.

        Its tables are in the folder too, unless a warehouse is named.
        """
        topic = f"{name}.session-events.{secrets.token_hex(4)}"
        key = folder / "pseudonym.key"
        key.touch(mode=0o600)
        key.write_text(secrets.token_hex(32))
        environment = cls(
            folder,
            {
                **os.environ,
                "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
                "SESSION_EVENTS_TOPIC": topic,
                "DEAD_LETTER_TOPIC": f"{topic}.dead-letters",
                "INGESTOR_GROUP": topic,
                "WAREHOUSE": warehouse or f"delta:{folder / 'warehouse'}",
                "PSEUDONYM_KEY_FILE": str(key),
                "HTTP_PORT": "0",
            },
        )
        environment.logs.mkdir()
        environment.journals.mkdir()
        return environment

    @property
    def logs(self) -> Path:
        """The folder of logs."""
        return self.folder / "logs"

    @property
    def journals(self) -> Path:
        """The folder of journals."""
        return self.folder / "journals"

    @property
    def spools(self) -> Path:
        """The folder of the spools' folders."""
        return self.folder / "spools"

    @property
    def targets(self) -> Path:
        """The file that tells Prometheus what to scrape."""
        return self.folder / "targets.json"

    @property
    def warehouse(self) -> Path:
        """The root of the tables."""
        return self.folder / "warehouse"

    @property
    def table(self) -> Path:
        """The folder of session_events."""
        return self.warehouse / SESSION_EVENTS.schema / SESSION_EVENTS.name

    @property
    def settings(self) -> StreamSettings:
        """The settings that the project's commands read."""
        return StreamSettings.from_environment(self.environ)

    def run(self, program: Program, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the project and return its result."""
        command = self.command(program, *arguments)
        return subprocess.run(
            command,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=_COMMAND_SECONDS,
        )

    def output(self, program: Program, *arguments: str) -> str:
        """Return the output of a command.

        Raises CommandFailed with its own words if its exit code is not 0.
        """
        done = self.run(program, *arguments)
        if done.returncode:
            raise CommandFailed(
                f"`{program} {' '.join(arguments)}` ended with "
                f"{done.returncode}: {done.stderr.strip()}"
            )
        return done.stdout

    def start(self, name: str, *command: str, **environ: str) -> Process:
        """Start a process that writes to a log of this name."""
        return Process(command, {**self.environ, **environ}, self.logs / f"{name}.log")

    @staticmethod
    def command(program: Program, *arguments: str) -> list[str]:
        """Return the command line of a program, without need for installed scripts."""
        return [sys.executable, "-m", f"classwaves_{program}", *arguments]
