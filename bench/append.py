"""What one append to the embedded warehouse costs as the table grows."""

import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

import pyarrow as pa

from bench.command import run_benchmark
from bench.measurement import conditions, record
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.interface import Stored, Stream
from classwaves_warehouse.open import open_warehouse

ROWS_PER_APPEND = 5_000
APPENDS = 400
WINDOW = 50
_BEGINS = datetime(2025, 9, 15, 8, tzinfo=UTC)
_LASTS = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Cost:
    """Consecutive appends, and the size of their table.

    Args:
        rows: in the table after them.
        p50_ms, worst_ms: of one append.
    """

    rows: int
    p50_ms: float
    worst_ms: float


def costs(folder: str) -> Iterator[Cost]:
    """Yield the cost of each window of appends to one growing table, in the order of event_time."""
    warehouse = open_warehouse(f"delta:{folder}")
    warehouse.tables.migrate()
    ledger = warehouse.ledger(Stream("bench", "bench", "bench"))
    position: int | None = None
    taken: list[float] = []
    for number in range(APPENDS):
        first = number * ROWS_PER_APPEND
        batch = Batch(rows(first, ROWS_PER_APPEND))
        progress = {0: Progress(position=first + ROWS_PER_APPEND)}
        began = time.perf_counter()
        stored = ledger.append(batch, {0: position}, progress)
        taken.append((time.perf_counter() - began) * 1000)
        assert stored == Stored(rows=ROWS_PER_APPEND), stored
        position = first + ROWS_PER_APPEND
        if len(taken) == WINDOW:
            yield Cost(position, round(median(taken), 1), round(max(taken), 1))
            taken.clear()


def rows(first: int, count: int) -> pa.Table:
    """Return rows of that week, starting at this offset."""
    numbers = range(first, first + count)
    total = ROWS_PER_APPEND * APPENDS
    columns = {
        "id": [f"event-{number}" for number in numbers],
        "session_id": [f"3d9f1c52-5d0e-4d7e-a2f7-{number // 100:012x}" for number in numbers],
        "teacher_id": ["b0a5e7b1-4c1c-4d39-9f0e-000000000001"] * count,
        "event_type": ["member_join"] * count,
        "event_time": [_BEGINS + _LASTS * (number / total) for number in numbers],
        "payload": ['{"groupId":"a6a7c9a4-2f0e-4a0f-9c55-3e5c1d9b7e44","memberCount":1}'] * count,
        "kafka_topic_id": ["bench"] * count,
        "kafka_partition": [0] * count,
        "kafka_offset": list(numbers),
    }
    return pa.table(
        [pa.array(columns.get(field.name, [None] * count), field.type) for field in ROWS], ROWS
    )


def main() -> None:
    """Measure what one append to the embedded warehouse costs as the table grows."""
    found = conditions()
    print(json.dumps(found))
    print(
        f"{'rows in the table':>18} {'p50 ms':>8} {'worst ms':>9}   "
        f"appends of {ROWS_PER_APPEND:,} rows"
    )
    measured = []
    with tempfile.TemporaryDirectory(prefix="classwaves-bench-") as folder:
        for cost in costs(folder):
            print(f"{cost.rows:>18,} {cost.p50_ms:>8} {cost.worst_ms:>9}", flush=True)
            measured.append(asdict(cost))
    record("append", found, {"rows_per_append": ROWS_PER_APPEND, "costs": measured})


if __name__ == "__main__":
    run_benchmark(main)
