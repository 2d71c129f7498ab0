"""What one hour of the rollup costs: time, memory, bytes read, and how these grow with history."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from bench.errors import WrongResult
from bench.measurement import peak_bytes
from classwaves_rollup.formulas import HOUR, MAX_DURATION
from classwaves_rollup.hour_computer import HourComputer
from classwaves_rollup.run_log import Run, State, read_run_log
from classwaves_rollup.settings import RollupSettings
from classwaves_runtime.clock import SystemClock
from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import (
    API_METRICS,
    EDUCATIONAL_METRICS,
    GROUP_METRICS,
    SESSION_EVENTS,
    SESSION_METRICS,
    SOURCES,
    SYSTEM_EVENTS,
    Table,
)
from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.open import open_warehouse

TIMES: Final[Mapping[Table, str]] = {
    SESSION_EVENTS: "event_time",
    SESSION_METRICS: "calculation_timestamp",
    GROUP_METRICS: "calculation_timestamp",
    EDUCATIONAL_METRICS: "calculation_timestamp",
    SYSTEM_EVENTS: "created_at",
    API_METRICS: "timestamp",
}
"""By which time an hour picks the rows of a source.

The other two are asked for sessions, whenever those were.
"""

_AFTER: Final[Mapping[Table, timedelta | None]] = {
    SESSION_EVENTS: HOUR + MAX_DURATION,
    SESSION_METRICS: None,
    GROUP_METRICS: None,
}
"""The end of the time range that an hour reads, relative to its start; None without an end."""


def touchable_bytes(folder: str, hour: datetime) -> dict[str, int]:
    """Return the bytes of files that may hold rows of the hour, by qualified source name.

    The selection uses only statistics in the table's log; a query reads some columns of a file.
    reads some columns.
    """
    return {
        table.qualified_name: _bytes(Root(folder).open(table), table, hour) for table in SOURCES
    }


def bytes_read() -> int | None:
    """Return the bytes that this process read, cached or not; None if not reported."""
    status = Path("/proc/self/io")
    if not status.exists():
        return None
    return int(
        next(line for line in status.read_text().splitlines() if line.startswith("rchar")).split()[
            1
        ]
    )


def _bytes(handle: DeltaTable, table: Table, hour: datetime) -> int:
    files = pa.table(handle.get_add_actions(flatten=True))
    sizes = dict(zip(files["path"].to_pylist(), files["size_bytes"].to_pylist(), strict=True))
    wanted = DeltaDataset.of(handle, arrow_schema(table)).files(_condition(table, hour))
    return sum(sizes[path] for path in wanted)


def _condition(table: Table, hour: datetime) -> ds.Expression | None:
    if table not in TIMES:
        return None
    time = ds.field(TIMES[table])
    if table not in _AFTER:
        return (time >= hour) & (time < hour + HOUR)
    after = _AFTER[table]
    since = time >= hour - MAX_DURATION
    return since if after is None else since & (time < hour + after)


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
    """Compute an hour repeatedly, after one empty hour for warm-up.

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


@dataclass(frozen=True, slots=True)
class Growth:
    """One hour in tables with little and with long history.

    Args:
        days: of the long history; the little one is of 1 day.
        sessions_a_day: in the history, which is thinner than the hour.
        short, long: one run of each round, taken in turns.
        short_bytes, long_bytes: by source, of the files that may hold rows the hour asks for.
    """

    days: int
    sessions_a_day: int
    short: Sequence[Cost]
    long: Sequence[Cost]
    short_bytes: Mapping[str, int]
    long_bytes: Mapping[str, int]

    @property
    def time_ratio(self) -> float:
        """Of the medians, long by short."""
        return median(each.median_seconds for each in self.long) / median(
            each.median_seconds for each in self.short
        )

    @property
    def bytes_ratio(self) -> float:
        """Of the touchable files, long by short."""
        return sum(self.long_bytes.values()) / sum(self.short_bytes.values())

    @property
    def read_ratio(self) -> float | None:
        """Of what was really read, long by short; None where the system does not tell."""
        short, long = (
            [each.read_bytes for each in costs if each.read_bytes]
            for costs in (self.short, self.long)
        )
        return median(long) / median(short) if short and long else None

    def document(self) -> dict[str, Any]:
        """For a JSON file."""
        read = self.read_ratio
        return {
            **asdict(self),
            "time_ratio": round(self.time_ratio, 3),
            "touchable_bytes_ratio": round(self.bytes_ratio, 3),
            "read_bytes_ratio": None if read is None else round(read, 3),
            "note": "The history has fewer events an hour than the hour itself.",
        }
