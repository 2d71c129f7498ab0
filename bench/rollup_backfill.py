"""What a backfill costs, with a projection to one year."""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bench.errors import WrongResult
from bench.measurement import peak_bytes
from bench.rollup_hour import open_computer
from classwaves_rollup.backfill import Backfill
from classwaves_rollup.late_data import LateDataScan
from classwaves_rollup.run_log import Run, State, TakeoverTimeout, new_owner
from classwaves_runtime.clock import SystemClock

_YEAR_HOURS = 365 * 24


@dataclass(frozen=True, slots=True)
class Month:
    """A backfill.

    Args:
        hours: how many were computed.
        workers: how many threads computed them.
        seconds, cpu_seconds: of all of it.
        first_quarter_seconds, last_quarter_seconds: which the first and the last quarter of the
            hours took: whether
            hours become dearer as the tables of the rollup grow.
        facts, rows: that were written.
        peak_bytes: the most resident memory of the process, or None if the system does not tell.
    """

    hours: int
    workers: int
    seconds: float
    cpu_seconds: float
    first_quarter_seconds: float
    last_quarter_seconds: float
    facts: int
    rows: int
    peak_bytes: int | None

    @property
    def year_seconds(self) -> float:
        """Of a backfill of 365 days, if each hour of it took as long as these did."""
        return self.seconds * _YEAR_HOURS / self.hours

    def document(self) -> dict[str, Any]:
        """For a JSON file."""
        return {**asdict(self), "projected_year_minutes": round(self.year_seconds / 60, 1)}


def month(folder: str, end: datetime, hours: int, workers: int) -> Month:
    """Compute the hours before a time.

    Raises:
        WrongResult: an hour failed, or was right before.
    """
    hours_to_compute = [end - timedelta(hours=number) for number in range(hours, 0, -1)]
    scan = LateDataScan(TakeoverTimeout(new_owner(), SystemClock()))
    job = Backfill(partial(open_computer, folder), scan, workers, threading.Event())
    began, cpu = time.perf_counter(), time.process_time()
    run_log = job.mark_late_data()
    remaining = job.remaining(hours_to_compute, run_log)
    if remaining != hours_to_compute:
        raise WrongResult(f"Only {len(remaining)} of {hours} hours were to be computed.")
    ended, facts, rows = [], 0, 0
    for hour, run in job.results(remaining, run_log):
        if not isinstance(run, Run) or run.state is not State.DONE:
            raise WrongResult(
                f"{hour:%Y-%m-%dT%H} failed: {run.error if isinstance(run, Run) else run}"
            )
        ended.append(time.perf_counter() - began)
        facts += run.facts or 0
        rows += run.hourly_rows or 0
    first, last = quarters(ended)
    return Month(
        hours=hours,
        workers=workers,
        seconds=round(ended[-1], 1),
        cpu_seconds=round(time.process_time() - cpu, 1),
        first_quarter_seconds=round(first, 1),
        last_quarter_seconds=round(last, 1),
        facts=facts,
        rows=rows,
        peak_bytes=peak_bytes(os.getpid()),
    )


def quarters(ended: Sequence[float]) -> tuple[float, float]:
    """Return the duration of the first and the last quarter, from ascending end times."""
    size = len(ended) // 4
    return (ended[size - 1], ended[-1] - ended[-1 - size]) if size else (ended[-1], ended[-1])
