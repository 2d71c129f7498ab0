"""A local Databricks SQL endpoint that runs in its own process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from databricks import sql
from databricks.sql.client import Connection

from local.databricks.control import FaultControl, StatementLog
from local.databricks.environment import CATALOG, HTTP_PATH, environment
from local.databricks.errors import EndpointError
from local.databricks.spark import jars
from local.kafka.free_port import free_port
from local.kafka.jars import find_java
from local.kafka.watchdog import dismiss, watch

_START_SECONDS = 240.0  # on two busy cores the start took up to 160 s
_ROOT = Path(__file__).parents[2]


class Endpoint:
    """An endpoint whose tables and ports survive a restart of its process.

    The process ends when the process that started it ends. Its pending faults (`faults`) and its
    log of executed statements (`log`) are kept in its memory.

    Args:
        folder: for its tables, its catalog and its own log.
        port: of localhost, for HTTP.
        tls_port: of localhost, for HTTPS.
    """

    def __init__(self, folder: Path, port: int, tls_port: int) -> None:
        self.folder = folder
        self.port = port
        self.tls_port = tls_port
        self.url = f"http://localhost:{port}"
        self.faults = FaultControl(self.url)
        self.log = StatementLog(self.url)
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls) -> Self:
        """Start an endpoint without tables on free ports.

        Raises:
            UnavailableError: Java or the jars are missing.
            EndpointError: the endpoint did not become ready.
        """
        find_java()
        jars()
        endpoint = cls(Path(tempfile.mkdtemp(prefix="databricks-")), free_port(), free_port())
        try:
            endpoint.start()
        except BaseException:
            endpoint.close()
            raise
        return endpoint

    @property
    def certificate(self) -> Path:
        """File with the authority that signed the TLS certificate."""
        return self.folder / "ca.pem"

    @property
    def pid(self) -> int | None:
        """Id of its process, which leads a process group with Spark's JVM; None if stopped."""
        return None if self._process is None else self._process.pid

    def table_folder(self, schema: str, table: str) -> Path:
        """Folder of a table that was created without a LOCATION."""
        return self.folder / "warehouse" / f"{schema}.db" / table

    @property
    def environment(self) -> dict[str, str]:
        """Settings with which a process connects to it."""
        return environment(self.port)

    def start(self) -> None:
        """Start the process on the existing tables and wait until it answers a statement.

        Raises:
            EndpointError: the process ended, or did not answer in time.
        """
        arguments = ["--folder", self.folder, "--port", self.port, "--tls-port", self.tls_port]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __package__, *map(str, arguments)],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a process group, so that Spark's JVM is killed too
            )
        self._watchdog = watch(self._process.pid)
        self._wait_until_ready()

    def kill(self) -> None:
        """Kill the process and its JVM with SIGKILL, as a crash would."""
        if self._process is not None and self._watchdog is not None:
            dismiss(self._watchdog)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = self._watchdog = None

    def close(self) -> None:
        """Kill the process and delete its tables."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, **options: object) -> Connection:
        """Connect over HTTP with the real connector; `options` are those of the connector."""
        return sql.connect(
            server_hostname="localhost",
            http_path=HTTP_PATH,
            access_token="local",
            enable_telemetry=False,
            **{"_connection_uri": f"{self.url}{HTTP_PATH}", **options},
        )

    def drop_tables(self) -> None:
        """Drop every table, and clear the faults and the log."""
        self.faults.clear()
        with self.connect(catalog=CATALOG) as connection, connection.cursor() as cursor:
            for (schema,) in cursor.execute("SHOW SCHEMAS").fetchall():
                for _, table, _ in cursor.execute(f"SHOW TABLES IN `{schema}`").fetchall():
                    cursor.execute(f"DROP TABLE `{schema}`.`{table}`")
        self.log.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _log_file(self) -> Path:
        return self.folder / "endpoint.log"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise EndpointError(f"The endpoint ended before it was ready: {self._end_of_log()}")
            if self._answers():
                return
            time.sleep(0.1)
        raise EndpointError(
            f"The endpoint on port {self.port} was not ready after {_START_SECONDS:.0f} s."
        )

    def _answers(self) -> bool:
        with suppress(OSError):
            self.log.clear()  # fails faster than the connector, which retries
            with self.connect() as connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            self.log.clear()
            return True
        return False

    def _end_of_log(self) -> str:
        return "\n".join(self._log_file.read_text(errors="replace").splitlines()[-15:])
