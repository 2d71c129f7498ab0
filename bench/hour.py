"""What computing one hour costs."""

import os
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from bench.conditions import peak_bytes
from bench.errors import WrongResult
from bench.reading import bytes_read
from classwaves_rollup.hour import HourRun
from classwaves_rollup.run import Run, State
from classwaves_rollup.runs import read_runs
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


def opened(folder: str) -> HourRun:
    """How hours of the tables in a folder are computed."""
    address = f"delta:{folder}"
    return HourRun.opened(
        RollupSettings.from_environment({"WAREHOUSE": address}),
        open_warehouse(address),
        SystemClock(),
    )


def cost(folder: str, hour: datetime, runs: int) -> Cost:
    """Compute an hour so many times; before the first, an hour without anything, as a worker has long done.

    Raises:
        WrongResult: a run failed, or gave another number of facts than the one before it.
    """
    hour_run = opened(folder)
    _computed(hour_run, hour + _EMPTY)
    seconds, cpu_seconds, found, read = [], [], set[tuple[int, int]](), None
    for _ in range(runs):
        before, cpu, began = bytes_read(), time.process_time(), time.perf_counter()
        run = _computed(hour_run, hour)
        seconds.append(round(time.perf_counter() - began, 3))
        cpu_seconds.append(round(time.process_time() - cpu, 3))
        after = bytes_read()
        read = None if before is None or after is None else after - before
        found.add((run.facts or 0, run.hourly_rows or 0))
    if len(found) != 1:
        raise WrongResult(f"The hour gave different numbers of facts and rows: {found}")
    ((facts, rows),) = found
    return Cost(tuple(seconds), tuple(cpu_seconds), facts, rows, read, peak_bytes(os.getpid()))


def _computed(hour_run: HourRun, hour: datetime) -> Run:
    runs = read_runs(hour_run.hours)
    run = hour_run.compute(hour, runs.get(hour), runs.examined)
    if run.state is not State.DONE:
        raise WrongResult(f"{hour:%Y-%m-%dT%H} failed: {run.error}")
    return run
