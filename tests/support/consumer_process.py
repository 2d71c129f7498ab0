"""An `ingestor run` process that a test can stop, freeze, thaw and kill."""

import json
import os
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo.process import Process
from tests.support.waiting import wait_until


class ConsumerProcess(Process):
    """A running consumer. It logs one JSON object a line to `log`."""

    @property
    def frozen(self) -> bool:
        """Whether the process is stopped, by a signal or at a fail point."""
        assert self.code is None, f"consumer {self.pid} has ended: {self.log_tail()}"
        return self._proc("stat").rpartition(")")[2].split()[0] == "T"

    def freeze(self) -> None:
        """Stop the process (SIGSTOP). Its session with the broker times out."""
        os.kill(self.pid, signal.SIGSTOP)
        self.wait_until_frozen()

    def thaw(self) -> None:
        """Continue the process (SIGCONT)."""
        os.kill(self.pid, signal.SIGCONT)

    def wait_until_frozen(self) -> None:
        """Wait until the process is frozen."""
        wait_until(lambda: self.frozen, f"consumer {self.pid} is frozen: {self.log_tail()}")

    def ended(self) -> int:
        """Wait for the end of the process, and return its exit code."""
        wait_until(
            lambda: self.code is not None, f"consumer {self.pid} has ended: {self.log_tail()}"
        )
        assert self.code is not None
        return self.code

    def records(self, message: str) -> Iterator[dict[str, Any]]:
        """The log records with this message."""
        for line in self.log.read_text().splitlines():
            if line.startswith("{") and (record := json.loads(line))["message"] == message:
                yield record

    def wait_for(self, text: str) -> None:
        """Wait until the process has logged a line with this text."""
        wait_until(
            lambda: text in self.log.read_text(),
            f"consumer {self.pid} logs {text!r}: {self.log_tail()}",
        )

    def readiness(self) -> dict[str, str] | None:
        """The reasons why `/readyz` fails; empty if it passes, None while nothing is served."""
        for served in self.records("Serving /metrics, /healthz and /readyz"):
            address = f"http://127.0.0.1:{served['port']}/readyz"
            try:
                with urllib.request.urlopen(address, timeout=10) as answer:
                    found: dict[str, str] = json.load(answer)["reasons"]
            except urllib.error.HTTPError as refusal:
                found = json.load(refusal)["reasons"]
            return found
        return None

    def memory(self, kind: str) -> int:
        """Bytes of resident memory: current (`VmRSS`) or peak (`VmHWM`)."""
        found = re.search(rf"{kind}:\s+(\d+) kB", self._proc("status"))
        assert found is not None
        return int(found[1]) * 1024

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text()
