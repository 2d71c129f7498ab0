"""`ingestor run` as a user starts it, with everything that can happen to a process."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo.process import Process
from tests.support.waiting import wait_until


class ConsumerProcess(Process):
    """A running consumer. Its output goes to `log`, one JSON object a line."""

    @property
    def frozen(self) -> bool:
        """Whether it stands still, by our signal or at a fail point."""
        assert self.code is None, f"consumer {self.pid} has ended: {self.log_tail()}"
        return self._proc("stat").rpartition(")")[2].split()[0] == "T"

    def freeze(self) -> None:
        """SIGSTOP: it does nothing, and the broker will think it dead."""
        os.kill(self.pid, signal.SIGSTOP)
        self.wait_until_frozen()

    def thaw(self) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        os.kill(self.pid, signal.SIGCONT)

    def wait_until_frozen(self) -> None:
        """Return once it is frozen."""
        wait_until(lambda: self.frozen, f"consumer {self.pid} is frozen: {self.log_tail()}")

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        wait_until(
            lambda: self.code is not None, f"consumer {self.pid} has ended: {self.log_tail()}"
        )
        assert self.code is not None
        return self.code

    def records(self, message: str) -> Iterator[dict[str, Any]]:
        """What it has logged in these words."""
        for line in self.log.read_text().splitlines():
            if line.startswith("{") and (record := json.loads(line))["message"] == message:
                yield record

    def wait_for(self, message: str) -> None:
        """Return once it has logged this."""
        wait_until(
            lambda: any(self.records(message)),
            f"consumer {self.pid} says {message!r}: {self.log_tail()}",
        )

    def memory(self, kind: str) -> int:
        """Bytes of resident memory: now (`VmRSS`), or at most so far (`VmHWM`)."""
        found = re.search(rf"{kind}:\s+(\d+) kB", self._proc("status"))
        assert found is not None
        return int(found[1]) * 1024

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text()
