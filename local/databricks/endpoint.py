"""A Databricks SQL endpoint in a process of its own."""

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
from typing import Any, Self

from databricks import sql
from databricks.sql.client import Connection

from local.databricks.control import Faults, Log
from local.databricks.environment import CATALOG, HTTP_PATH, environment
from local.databricks.errors import EndpointError
from local.databricks.jars import jars
from local.kafka.free_port import free_port
from local.kafka.java import find_java
from local.kafka.watchdog import dismiss, watch

_PATIENCE = 240.0  # on two cores that others kept busy it took up to 160 s
_ROOT = Path(__file__).parents[2]


class Endpoint:
    """An endpoint whose tables and ports survive its process.

    `faults` and `log` are its faults to come and the statements that it executed (both end with the process).
    It dies with the process that made it.
    """

    def __init__(self, folder: Path, port: int, tls_port: int) -> None:
        self.folder = folder
        self.port = port
        self.tls_port = tls_port
        self.url = f"http://localhost:{port}"
        self.faults = Faults(self.url)
        self.log = Log(self.url)
        self._process: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    @classmethod
    def create(cls) -> Self:
        """A started endpoint without tables, on free ports.

        Raises UnavailableError without Java or jars, EndpointError if the endpoint does not become ready.
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
        """The authority to trust for TLS."""
        return self.folder / "ca.pem"

    @property
    def pid(self) -> int | None:
        """Its process, which leads a group with Spark's JVM; None while there is none."""
        return None if self._process is None else self._process.pid

    def table_folder(self, schema: str, table: str) -> Path:
        """Where the files of a table are that was created without a place of its own."""
        return self.folder / "warehouse" / f"{schema}.db" / table

    @property
    def environment(self) -> dict[str, str]:
        """The settings by which a process finds it."""
        return environment(self.port)

    def start(self) -> None:
        """Start the process on the tables that are there; return once it answers a statement.

        Raises EndpointError if it never does.
        """
        arguments = ["--folder", self.folder, "--port", self.port, "--tls-port", self.tls_port]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __package__, *map(str, arguments)],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a group of its own: Spark's JVM ends with it
            )
        self._watchdog = watch(self._process.pid)
        self._wait_until_ready()

    def kill(self) -> None:
        """End the process and its JVM as a crash would: SIGKILL, without a word to anybody."""
        if self._process is not None and self._watchdog is not None:
            dismiss(self._watchdog)
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = self._watchdog = None

    def close(self) -> None:
        """End the process and remove its tables."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, **options: Any) -> Connection:
        """A connection by the real connector over HTTP; `options` are the connector's own."""
        return sql.connect(
            server_hostname="localhost",
            http_path=HTTP_PATH,
            access_token="local",
            enable_telemetry=False,
            **{"_connection_uri": f"{self.url}{HTTP_PATH}", **options},
        )

    def drop_tables(self) -> None:
        """Leave no table, no fault and no statement behind."""
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
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                raise EndpointError(f"The endpoint ended before it was ready: {self._last_words()}")
            if self._answers():
                return
            time.sleep(0.1)
        raise EndpointError(
            f"The endpoint on port {self.port} was not ready after {_PATIENCE:.0f} s."
        )

    def _answers(self) -> bool:
        with suppress(OSError):
            self.log.clear()  # cheaper than a connector that retries
            with self.connect() as connection, connection.cursor() as cursor:
                cursor.execute("SELECT 1")
            self.log.clear()
            return True
        return False

    def _last_words(self) -> str:
        return "\n".join(self._log_file.read_text(errors="replace").splitlines()[-15:])
