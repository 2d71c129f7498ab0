"""What computing one hour costs."""

import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from bench.conditions import peak_bytes
from bench.errors import WrongResult
from bench.reading import bytes_read
from classwaves_rollup.hour_computer import HourComputer
from classwaves_rollup.run_log import Run, State, read_run_log
from classwaves_rollup.settings import RollupSettings
from classwaves_runtime.clock import SystemClock
from classwaves_warehouse.open import open_warehouse

_EMPTY = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Cost:
    """Runs of one hour, one after the other in one process that does nothing else.

    Args:
        seconds: of each run.
        cpu_seconds: of all threads, of each run.
        facts, rows: that each run wrote.
        read_bytes: that the last run asked the system for; None where it does not tell.
        peak_bytes: the most resident memory of the process, or None if the system does not tell.
    """

    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]
    facts: int
    rows: int
    read_bytes: int | None
    peak_bytes: int | None

    @property
    def median_seconds(self) -> float:
        """Of one run."""
        return median(self.seconds)


def open_computer(folder: str) -> HourComputer:
    """How hours of the tables in a folder are computed."""
    address = f"delta:{folder}"
    return HourComputer.from_settings(
        RollupSettings.from_environment({"WAREHOUSE": address}),
        open_warehouse(address),
        SystemClock(),
    )


def cost(folder: str, hour: datetime, runs: int) -> Cost:
    """Compute an hour so many times; before the first, an hour without anything, as a worker has long done.

    Raises:
        WrongResult: a run failed, or gave another number of facts than the one before it.
    """
    computer = open_computer(folder)
    _computed(computer, hour + _EMPTY)
    seconds, cpu_seconds, found, read = [], [], set[tuple[int, int]](), None
    for _ in range(runs):
        before, cpu, began = bytes_read(), time.process_time(), time.perf_counter()
        run = _computed(computer, hour)
        seconds.append(round(time.perf_counter() - began, 3))
        cpu_seconds.append(round(time.process_time() - cpu, 3))
        after = bytes_read()
        read = None if before is None or after is None else after - before
        found.add((run.facts or 0, run.hourly_rows or 0))
    if len(found) != 1:
        raise WrongResult(f"The hour gave different numbers of facts and rows: {found}")
    ((facts, rows),) = found
    return Cost(tuple(seconds), tuple(cpu_seconds), facts, rows, read, peak_bytes(os.getpid()))


def _computed(computer: HourComputer, hour: datetime) -> Run:
    run_log = read_run_log(computer.store)
    run = computer.compute(hour, run_log.get(hour), run_log.examined_versions)
    if run.state is not State.DONE:
        raise WrongResult(f"{hour:%Y-%m-%dT%H} failed: {run.error}")
    return run
