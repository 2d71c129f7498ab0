"""A simulated year of appends to one table that upkeep tends: commit time, memory and files.

Every tenth append is followed by the same one to a nearly empty table. Other processes slow both
down, so their ratio shows what the age of the table costs.
"""

import ctypes
import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.sharedctypes import Synchronized
from statistics import median, quantiles
from typing import Final

import pyarrow as pa

from bench.command import run_benchmark
from bench.measurement import conditions, record
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.interface import Stored, Stream
from classwaves_warehouse.open import open_warehouse

APPENDS: Final = 200_000
"""Six consumers make as many in a school week, one consumer in a year."""

A_DAY: Final = 1_000
"""Appends of one day."""

ROWS_PER_APPEND: Final = 20
WINDOW: Final = 1_000
_EACH: Final = 10
_BEGINS: Final = datetime(2025, 9, 1, 8, tzinfo=UTC)
_RETENTION_SECONDS: Final = 20
_CLEANUP_SPEED: Final = 120  # upkeep's clock for pauses: a cleanup every 30 seconds


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive appends, and the table and process after them.

    Args:
        appends: so far.
        ratio: of the median append to that of a nearly empty table in the same time.
        p50_ms: of one append.
        p99_ms: of one append.
        worst_ms: of one append.
        live_files: of the table.
        folder_files: data files in its folder, with those that wait for the vacuum.
        rss_mib: of the appending process.
        upkeep_mib: of the upkeep process.
    """

    appends: int
    ratio: float
    p50_ms: float
    p99_ms: float
    worst_ms: float
    live_files: int
    folder_files: int
    rss_mib: int
    upkeep_mib: int


class SimulatedClock:
    """The clock of upkeep: the simulated time, and pauses that pass faster."""

    def __init__(self, simulated: "Synchronized[float]") -> None:
        self._simulated = simulated

    def now(self) -> datetime:
        """The simulated time."""
        return datetime.fromtimestamp(self._simulated.value, UTC)

    def monotonic(self) -> float:
        """Seconds that pass faster than real ones."""
        return time.monotonic() * _CLEANUP_SPEED


def tend(root: str, simulated: "Synchronized[float]") -> None:
    """Do passes of upkeep until the parent ends this process."""
    os.nice(10)
    upkeep = DeltaWarehouse(root, clock=SimulatedClock(simulated)).upkeep()
    while True:
        upkeep.run_once()
        time.sleep(1)


class _Appender:
    """Appends to the table below a root, which it creates."""

    def __init__(self, root: str) -> None:
        self.root = root
        warehouse = open_warehouse(f"delta:{root}")
        warehouse.tables.migrate()
        self._ledger = warehouse.ledger(Stream("bench", "bench", "bench"))
        self._position = 0

    def append(self, at: datetime) -> float:
        """Append rows of this time; return the milliseconds that it took."""
        expected, end = self._position or None, self._position + ROWS_PER_APPEND
        batch = Batch(rows(self._position, at))
        began = time.perf_counter()
        stored = self._ledger.append(batch, {0: expected}, {0: Progress(position=end)})
        taken = (time.perf_counter() - began) * 1000
        assert stored == Stored(rows=ROWS_PER_APPEND), stored
        self._position = end
        return taken


def windows(root: str, appends: int) -> Iterator[Window]:
    """Append, and yield what each thousand appends took."""
    warehouse = open_warehouse(f"delta:{root}")
    warehouse.tables.migrate()
    table = Root(root).open(SESSION_EVENTS)
    retention = f"interval {_RETENTION_SECONDS} seconds"
    table.alter.set_table_properties(
        {
            "delta.logRetentionDuration": retention,
            "delta.deletedFileRetentionDuration": retention,
        }
    )
    spawn = multiprocessing.get_context("spawn")
    simulated = spawn.Value(ctypes.c_double, _BEGINS.timestamp())
    upkeep = spawn.Process(target=tend, args=(root, simulated), daemon=True)
    upkeep.start()
    old, new = _Appender(root), _Appender(f"{root}-0")
    taken: list[float] = []
    reference: list[float] = []
    for number in range(appends):
        at = _BEGINS + number * timedelta(days=1) / A_DAY
        simulated.value = at.timestamp()
        taken.append(old.append(at))
        if number % _EACH == 0:
            reference.append(new.append(at))
        if len(reference) == WINDOW // _EACH and len(taken) == WINDOW:
            assert upkeep.is_alive(), "upkeep ended"
            yield Window(
                appends=number + 1,
                ratio=round(median(taken) / median(reference), 2),
                p50_ms=round(median(taken), 1),
                p99_ms=round(quantiles(taken, n=100)[98], 1),
                worst_ms=round(max(taken), 1),
                live_files=warehouse.events.size().files,
                folder_files=sum(
                    name.endswith(".parquet")
                    for name in os.listdir(f"{root}/analytics/session_events")  # noqa: PTH208
                ),
                rss_mib=_rss_mib(os.getpid()),
                upkeep_mib=_rss_mib(upkeep.pid or 0),
            )
            taken.clear()
            reference.clear()
            shutil.rmtree(new.root)
            new = _Appender(f"{root}-{number}")
    shutil.rmtree(new.root)
    upkeep.terminate()


def rows(first: int, at: datetime) -> pa.Table:
    """Return the rows of one append."""
    numbers = range(first, first + ROWS_PER_APPEND)
    count = len(numbers)
    columns = {
        "id": [f"event-{number}" for number in numbers],
        "session_id": [f"3d9f1c52-5d0e-4d7e-a2f7-{first // 400 + n % 7:012x}" for n in numbers],
        "teacher_id": ["b0a5e7b1-4c1c-4d39-9f0e-000000000001"] * count,
        "event_type": ["member_join"] * count,
        "event_time": [at] * count,
        "payload": ['{"groupId":"a6a7c9a4-2f0e-4a0f-9c55-3e5c1d9b7e44","memberCount":1}'] * count,
        "kafka_topic_id": ["bench"] * count,
        "kafka_partition": [0] * count,
        "kafka_offset": list(numbers),
    }
    return pa.table(
        [pa.array(columns.get(field.name, [None] * count), field.type) for field in ROWS], ROWS
    )


def main(appends: int = APPENDS) -> None:
    """Append for a simulated year while upkeep runs.

    Args:
        appends: how many.
    """
    found = conditions()
    measured = []
    with tempfile.TemporaryDirectory(prefix="classwaves-bench-") as root:
        for window in windows(root, appends):
            print(json.dumps(asdict(window)), flush=True)
            measured.append(asdict(window))
            figures = {
                "rows_per_append": ROWS_PER_APPEND,
                "appends_a_day": A_DAY,
                "median_ratio": round(median(each["ratio"] for each in measured), 2),
                "windows": measured[:: -max(1, len(measured) // 20)][::-1],
            }
            record("year", found, figures)
    print(f"{measured[-1]['ratio']:.2f} times an append to a nearly empty table")


def _rss_mib(pid: int) -> int:
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123
        line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1]) // 1024


if __name__ == "__main__":
    run_benchmark(main)
