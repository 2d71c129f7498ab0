"""A real Apache Kafka in one local process that tests can kill, restart, pause and resume."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Self

from local.kafka import jars, server
from local.kafka.errors import StartError
from local.kafka.free_port import free_port, is_free
from local.kafka.jars import find_java
from local.kafka.kafka import Kafka
from local.kafka.server import wait_until_ready
from local.kafka.watchdog import dismiss, watch

_CLUSTER_ID = "bG9jYWxrYWZrYS1icm9rZQ"
_HEAP = "-Xmx512m"
_GRACE = 15.0


@dataclass(frozen=True)
class BrokerSettings:
    """What restarts do not change: the program, its folder and its ports."""

    java: Path
    jars: Path
    folder: Path
    port: int
    controller_port: int
    advertised_port: int

    @property
    def log(self) -> Path:
        """The broker's log file, appended to by each start."""
        return self.folder / "broker.log"

    @property
    def server_properties(self) -> Path:
        """The broker's configuration file."""
        return self.folder / "server.properties"

    def command(self, main: str, *arguments: str) -> list[str]:
        """The command line that runs one of Kafka's programs."""
        log4j = f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}"
        # The serial collector starts fastest and takes least memory on a few cores.
        return [
            str(self.java),
            _HEAP,
            "-XX:+UseSerialGC",
            log4j,
            "-cp",
            f"{self.jars}/*",
            main,
            *arguments,
        ]


class KRaftBroker:
    """A broker whose data and port survive its process.

    `kill`, `start`, `stop`, `pause` and `resume` inject faults; `close` ends the broker and deletes
    its data. The broker ends with the process that created it.
    """

    def __init__(self, settings: BrokerSettings) -> None:
        self.settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls, port: int = 0, advertised_port: int = 0) -> Self:
        """Start a broker with fresh data.

        Args:
            port: on localhost; 0 takes a free one.
            advertised_port: that clients are told to connect to; 0 for `port`. Another one is of a
                proxy that forwards to `port`.

        Raises:
            UnavailableError: Java or the jars are missing.
            StartError: the broker does not become ready.
        """
        java = find_java()
        jar_folder = jars.find_jars(jars.KAFKA)
        if port and not is_free(port):
            raise StartError(
                f"Port {port} of localhost is taken: stop its listener, or choose another port."
            )
        folder = Path(tempfile.mkdtemp(prefix="local-kafka-"))
        port = port or free_port()
        broker = cls(
            BrokerSettings(
                java, jar_folder, folder, port, free_port(), advertised_port=advertised_port or port
            )
        )
        try:
            broker._format()
            broker.start()
        except BaseException:
            broker.close()
            raise
        return broker

    @property
    def bootstrap_servers(self) -> str:
        """The bootstrap address, which restarts do not change."""
        return f"127.0.0.1:{self.settings.advertised_port}"

    def start(self) -> None:
        """Start the process on its existing data; return once it answers.

        Raises:
            StartError: it does not become ready.
        """
        with self.settings.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.settings.command("kafka.Kafka", str(self.settings.server_properties)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # the parent handles Ctrl-C and ends the broker
            )
        self._watchdog = watch(self._process.pid)
        wait_until_ready(self.settings.port, self._check_alive)

    def stop(self) -> None:
        """End the process as an operator would: SIGTERM, then SIGKILL after 15 s."""
        if self._process is not None:
            self._process.terminate()
            self.resume()  # a frozen process receives SIGTERM only after SIGCONT
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE)
            self.kill()

    def kill(self) -> None:
        """End the process as a crash would: SIGKILL, without a clean shutdown."""
        if self._process is not None and self._watchdog is not None:
            dismiss(self._watchdog)
            self._process.kill()
            self._process.wait()
            self._process = self._watchdog = None

    def pause(self) -> None:
        """Freeze the process (SIGSTOP): connections stay, answers do not come."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a frozen process continue (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def close(self) -> None:
        """End the process and delete its data."""
        self.kill()
        shutil.rmtree(self.settings.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None:
            raise StartError(
                f"The broker at {self.bootstrap_servers} is not running: call start() first."
            )
        self._process.send_signal(number)

    def _format(self) -> None:
        settings = self.settings
        with as_file(files("local.kafka") / "log4j2.properties") as log4j:
            shutil.copy(log4j, settings.folder)
        content = {
            **server.BROKER,
            **server.listeners(
                settings.port, settings.controller_port, advertised_port=settings.advertised_port
            ),
            "log.dirs": str(settings.folder / "data"),
        }
        settings.server_properties.write_text(server.render(content))
        format_storage = ["format", "-t", _CLUSTER_ID, "-c", str(settings.server_properties)]
        with settings.log.open("ab") as log:
            command = settings.command("kafka.tools.StorageTool", *format_storage)
            if subprocess.run(
                command, stdout=log, stderr=subprocess.STDOUT, check=False
            ).returncode:
                raise StartError(f"Kafka could not format {settings.folder}: {self._log_tail()}")

    def _check_alive(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            raise StartError(
                f"The broker ended with code {self._process.returncode}: {self._log_tail()}"
            )

    def _log_tail(self) -> str:
        return "\n".join(self.settings.log.read_text(errors="replace").splitlines()[-15:])


def start(port: int = 0, advertised_port: int = 0) -> Kafka:
    """A Kafka that is a `KRaftBroker`. The arguments are those of `KRaftBroker.create`."""
    broker = KRaftBroker.create(port, advertised_port)
    product = f"Apache {jars.KAFKA}, a broker from Maven jars,"
    return Kafka("maven", product, broker.bootstrap_servers, broker.close, broker=broker)
