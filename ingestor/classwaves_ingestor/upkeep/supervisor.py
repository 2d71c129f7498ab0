"""Runs the upkeep process while this consumer owns partition 0, and reports what it does.

A process of its own keeps the consumer's memory budget and its latency. It is spawned, because
delta-rs does not survive a fork. Two upkeep processes at once do no harm, so a consumer need not
wait for the end of another's.
"""

import logging
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from classwaves_ingestor import metrics
from classwaves_ingestor.upkeep.report import PassReport
from classwaves_runtime.clock import Clock
from classwaves_runtime.metrics import Meters

log = logging.getLogger(__name__)

RESTART_SECONDS = 30.0


class UpkeepOwner(Protocol):
    """Does upkeep while this consumer is the one to do it."""

    def start(self) -> None:
        """Begin; nothing happens if it has begun."""
        ...

    def stop(self) -> None:
        """End; nothing happens if it has not begun. Does not wait."""
        ...


class NoUpkeep:
    """Upkeep that is turned off."""

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class UpkeepSupervisor:
    """Starts and ends the upkeep process. Its failures never reach the caller.

    Args:
        command: of the process; it reads its stdin to the end, and writes reports to stdout.
        environ: its environment.
        meters: with the upkeep metrics.
        clock: gives the time of the last pass.
        restart_seconds: pause before a process that died is started again.
    """

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        meters: Meters,
        clock: Clock,
        restart_seconds: float = RESTART_SECONDS,
    ) -> None:
        self._command = command
        self._environ = environ
        self._meters = meters
        self._clock = clock
        self._restart_seconds = restart_seconds
        self._term: _Term | None = None

    @classmethod
    def every(
        cls, seconds: float, environ: Mapping[str, str], meters: Meters, clock: Clock
    ) -> "UpkeepSupervisor":
        """The supervisor of a process that runs a pass every so many seconds."""
        command = [sys.executable, "-m", "classwaves_ingestor.upkeep.child", str(seconds)]
        return cls(command, environ, meters, clock)

    def start(self) -> None:
        """Start the process."""
        if self._term is None:
            self._term = _Term(
                self._command, self._environ, self._restart_seconds, self._meters, self._clock
            )
            self._term.start()

    def stop(self) -> None:
        """End the process."""
        if self._term is not None:
            self._term.end()
            self._term = None


class _Term(threading.Thread):
    """The time between a start and a stop: a process, and its successors if it dies."""

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        restart_seconds: float,
        meters: Meters,
        clock: Clock,
    ) -> None:
        super().__init__(name="upkeep", daemon=True)
        self._command = command
        self._environ = environ
        self._restart_seconds = restart_seconds
        self._meters = meters
        self._clock = clock
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._has_failed = False
        self._tables: set[str] = set()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                problem = f"it ended with code {self._run_process()}"
            except Exception as error:  # whatever it is, the consumer goes on
                problem = f"{type(error).__name__}: {error}"
            if self._ended.is_set():
                break
            self._failed(problem)
            self._ended.wait(self._restart_seconds)
        for table in self._tables:
            self._meters.forget(metrics.UPKEEP_FILES, table)

    def end(self) -> None:
        with self._lock:
            self._ended.set()
            if self._process is not None and self._process.stdin is not None:
                self._process.stdin.close()

    def _run_process(self) -> int:
        with self._lock:
            if self._ended.is_set():
                return 0
            self._process = process = subprocess.Popen(  # noqa: S603  # ours
                self._command,
                env=self._environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        with process:
            try:
                for line in process.stdout or ():
                    self._reported(PassReport.from_json(line))
            finally:
                with self._lock:
                    if process.stdin is not None:
                        process.stdin.close()
        return process.returncode

    def _reported(self, report: PassReport) -> None:
        self._meters.count(metrics.UPKEEP_PASSES, 1, "failed" if report.error else "done")
        self._meters.set(metrics.UPKEEP_MEMORY, report.peak_bytes)
        if report.error is None:
            self._has_failed = False
            self._meters.set(metrics.UPKEEP_LAST_PASS, self._clock.now().timestamp())
        for table in report.tables:
            self._meters.count(metrics.UPKEEP_LOST_GROUPS, table.lost)
            if table.files_after is not None:
                self._tables.add(table.table)
                self._meters.set(metrics.UPKEEP_FILES, table.files_after, table.table)

    def _failed(self, problem: str) -> None:
        """Log the first of several failures; the metrics show the others."""
        self._meters.count(metrics.UPKEEP_PASSES, 1, "died")
        if not self._has_failed:
            self._has_failed = True
            log.error(
                "The upkeep process died: %s. It starts again every %.0f s until a pass succeeds. "
                "The consumer goes on; run `ingestor upkeep` to see what is wrong.",
                problem,
                self._restart_seconds,
            )
