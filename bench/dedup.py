"""What an append and a restart cost as the dedup window grows to 20 million identities."""

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.command import run_benchmark
from bench.measurement import conditions, peak_bytes, record
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.batch import ROWS, Batch
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.delta.dedup.files import IdentityFiles
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.writer import write
from classwaves_warehouse.interface import Stored, Stream
from classwaves_warehouse.open import open_warehouse

SIZES: Final = (1_000_000, 20_000_000)
FILE_ROWS: Final = 1_000_000
APPENDED: Final = 50_000
REPEATED: Final = 25_000
ROUNDS: Final = 5
ENDS: Final = datetime(2025, 9, 17, 8, tzinfo=UTC)
_LASTS: Final = timedelta(hours=20)
_STREAM: Final = Stream("bench", "bench", "bench")


def rows(first: int, count: int, total: int, ends: datetime = ENDS) -> pa.Table:
    """Return `count` of `total` rows of 20 hours, starting at this one; later ones are at the end.

    Args:
        first: number of the first row.
        count: of rows.
        total: rows of the 20 hours.
        ends: end of the 20 hours, aware.
    """
    numbers = np.arange(first, first + count, dtype=np.int64)
    began = int((ends - _LASTS).timestamp() * 1e6)
    spread = int(_LASTS.total_seconds() * 1e6) * np.minimum(numbers, total) // total
    columns = {
        "id": _numbered("0198c5a0-6f00-7000-8000-", numbers),
        "session_id": _numbered("3d9f1c52-5d0e-4d7e-a2f7-", numbers // 200),
        "teacher_id": pa.repeat("b0a5e7b1-4c1c-4d39-9f0e-000000000001", count),
        "event_type": pa.repeat("member_join", count),
        "event_time": pa.array(began + spread).cast(pa.timestamp("us", "UTC")),
        "payload": pa.repeat(
            '{"groupId":"a6a7c9a4-2f0e-4a0f-9c55-3e5c1d9b7e44","memberCount":1}', count
        ),
        "kafka_topic_id": pa.repeat("bench", count),
        "kafka_partition": pa.repeat(pa.scalar(0, pa.int32()), count),
        "kafka_offset": pa.array(numbers),
    }
    return pa.table([columns.get(each.name, pa.nulls(count, each.type)) for each in ROWS], ROWS)


def build(folder: Path, total: int, ends: datetime = ENDS) -> None:
    """Create a table of rows of 20 hours, as upkeep leaves it: large files with sidecars.

    Args:
        folder: root of the tables.
        total: number of rows.
        ends: end of the 20 hours, aware.
    """
    warehouse = open_warehouse(f"delta:{folder}")
    warehouse.tables.migrate()
    handle = Root(str(folder)).open(SESSION_EVENTS)
    files = IdentityFiles(handle)
    known: set[str] = set()
    for first in range(0, total, FILE_ROWS):
        part = rows(first, min(FILE_ROWS, total - first), total, ends)
        write(handle, part, {}, f"{first}")
        (path,) = set(handle.file_uris()) - known
        known.add(path)
        files.write_sidecar(Path(path).name)


def measure(folder: Path, total: int) -> dict[str, Any]:
    """Open the table in this process, and append to it."""
    began = time.perf_counter()
    ledger = open_warehouse(f"delta:{folder}").ledger(_STREAM)
    position: int | None = None

    def append(part: pa.Table, stored: int) -> float:
        nonlocal position
        batch, end = Batch(part), (position or 0) + len(part)
        started = time.perf_counter()
        answer = ledger.append(batch, {0: position}, {0: Progress(position=end)})
        assert isinstance(answer, Stored), answer
        assert answer.rows == stored, answer
        position = end
        return (time.perf_counter() - started) * 1000

    append(rows(total, 1_000, total), 1_000)
    restart = time.perf_counter() - began
    firsts = [total + 1_000 + APPENDED * number for number in range(ROUNDS)]
    fresh = [append(rows(first, APPENDED, total), APPENDED) for first in firsts]
    picks = np.random.default_rng(1).choice(total // 5_000, ROUNDS * REPEATED // 5_000, False)
    groups = np.split(picks, ROUNDS)
    repeats = [
        append(pa.concat_tables([_elsewhere(int(pick) * 5_000, total) for pick in group]), 0)
        for group in groups
    ]
    empty = ledger.append(Batch(ROWS.empty_table()), {0: position}, {0: Progress(position or 0)})
    assert isinstance(empty, Stored)
    assert empty.dedup is not None
    return {
        "identities": total,
        "restart_seconds": round(restart, 2),
        "fresh_ms": round(median(fresh), 1),
        "repeats_ms": round(median(repeats), 1),
        "index_bytes": empty.dedup.memory_bytes,
        "peak_bytes": peak_bytes(os.getpid()),
    }


def main(folder: Path | None = None, total: int | None = None) -> None:
    """Measure restarts and appends at 1 million and at 20 million identities.

    Args:
        folder: with a table that is there already, to measure it alone, in this process.
        total: its rows.
    """
    if folder is not None and total is not None:
        print(json.dumps(measure(folder, total)))
        return
    found = conditions()
    measured = []
    for size in SIZES:
        with tempfile.TemporaryDirectory(prefix="classwaves-bench-") as place:
            build(Path(place), size)
            command = [sys.executable, "-m", "bench.dedup", "--folder", place, "--total", str(size)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        print(answer, end="", flush=True)
        measured.append(json.loads(answer))
    first, last = measured[0], measured[-1]
    ratio = round(last["fresh_ms"] / first["fresh_ms"], 2)
    print(f"an append of {APPENDED:,} new rows takes {ratio} times as long")
    record(
        "dedup",
        found,
        {"appended": APPENDED, "repeated": REPEATED, "ratio": ratio, "sizes": measured},
    )


def _numbered(prefix: str, numbers: Any) -> pa.Array:  # noqa: ANN401
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 12, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _elsewhere(first: int, total: int) -> pa.Table:
    """Return 5,000 stored rows as if they had come from another partition."""
    part = rows(first, 5_000, total)
    at = part.column_names.index("kafka_partition")
    return part.set_column(at, ROWS.field(at), pa.repeat(pa.scalar(1, pa.int32()), len(part)))


if __name__ == "__main__":
    run_benchmark(main)
