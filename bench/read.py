"""What timelines and dashboard reads of embedded tables cost: `python -m bench.read`.

Upkeep lays the tables out before anything is measured. Timelines are also read through a snapshot
of the rollup, which opens the table and lets Arrow read it, as timelines were read before readers.
"""

import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from typing import Annotated, Any, Final

import numpy as np
import pyarrow as pa
import typer
from deltalake import write_deltalake

from bench.command import run_benchmark
from bench.errors import WrongResult
from bench.measurement import conditions, peak_bytes, record
from classwaves_runtime.clock import ManualClock
from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, SESSION_EVENTS, Table
from classwaves_warehouse.delta.tables import Root
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.delta.writer import write
from classwaves_warehouse.sql_files import load_sql
from demo.freshness import quantile

EVENTS_PER_SESSION: Final = 250
ROWS_PER_FILE: Final = 100_000
_BEGINS: Final = datetime(2026, 1, 1, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one kind of read.

    Args:
        reads: how many.
        p50_ms, p95_ms: of them.
        worst_ms: the longest, usually the first.
        cpu_ms: of all threads, in the mean; other processes slow it down less.
    """

    reads: int
    p50_ms: float
    p95_ms: float
    worst_ms: float
    cpu_ms: float


def build(folder: str, sessions: int, schools: int, days: int) -> None:
    """Write session_events and dashboard_metrics_hourly, and do all upkeep."""
    warehouse = DeltaWarehouse(folder, clock=ManualClock(_BEGINS + (days + 60) * _DAY))
    warehouse.tables.migrate()
    events = Root(folder).open(SESSION_EVENTS)
    per_file = ROWS_PER_FILE // EVENTS_PER_SESSION
    for first in range(0, sessions, per_file):
        write(events, _events(first, min(first + per_file, sessions), sessions, days), {}, "bench")
    hourly = Root(folder).open(DASHBOARD_METRICS_HOURLY)
    for day in range(days):
        hours = (_BEGINS + day * _DAY + hour * _HOUR for hour in range(24))
        rows = pa.concat_tables(_hour(hour, schools) for hour in hours)
        write_deltalake(hourly, rows, mode="append")
    upkeep = warehouse.upkeep()
    while any(report.unfinished or report.groups for report in upkeep.run_once()):
        pass


def timelines(folder: str, wanted: Sequence[str]) -> tuple[Times, int | None]:
    """Read timelines with one reader; their times, and the peak memory of this process."""
    with DeltaWarehouse(folder).reader() as reader:
        found = _timed(
            lambda session: reader.pin([SESSION_EVENTS]).timeline(session, 10_000), wanted
        )
    return found, peak_bytes(os.getpid())


def timelines_before(folder: str, wanted: Sequence[str]) -> tuple[Times, int | None]:
    """Read timelines from a snapshot each; their times, and the peak memory of this process."""
    store = DeltaWarehouse(folder).rollup()
    text = load_sql("classwaves_warehouse", "timeline")
    unused = dict.fromkeys(("after_time", "after_source", "after_sequence", "after_id"))

    def read(session: str) -> pa.Table:
        parameters = {"session_id": session, "from_start": True, "row_limit": 10_000, **unused}
        with store.snapshot([SESSION_EVENTS]) as snapshot:
            return snapshot.query(text, parameters)

    return _timed(read, wanted), peak_bytes(os.getpid())


def dashboards(folder: str, schools: int, days: int, span: int, reads: int) -> Times:
    """Read the hourly rows of a range of days of one school, with one reader."""
    chosen = random.Random(span)
    questions = [
        (chosen.randrange(schools), chosen.randrange(days - span + 1)) for _ in range(reads)
    ]
    with DeltaWarehouse(folder).reader() as reader:

        def read(question: tuple[int, int]) -> pa.Table:
            school, day = question
            first = _BEGINS + day * _DAY
            pinned = reader.pin([DASHBOARD_METRICS_HOURLY])
            return pinned.hourly_rows(first, first + span * _DAY, [_school(school)])

        return _timed(read, questions, rows=24 * span)


def _timed(
    read: Callable[[Any], pa.Table], questions: Sequence[Any], rows: int = EVENTS_PER_SESSION
) -> Times:
    taken, cpu = [], time.process_time()
    for question in questions:
        began = time.perf_counter()
        answer = read(question)
        taken.append((time.perf_counter() - began) * 1000)
        if answer.num_rows != rows:
            raise WrongResult(f"{question} has {answer.num_rows} rows instead of {rows}")
    cpu_ms = (time.process_time() - cpu) * 1000 / len(taken)
    figures = (quantile(0.5, taken) or 0.0, quantile(0.95, taken) or 0.0, max(taken), cpu_ms)
    return Times(len(taken), *(round(each, 1) for each in figures))


def session_id(number: int) -> str:
    """The id of a session that `build` wrote."""
    return f"{random.Random(number).getrandbits(128):032x}"


def _school(number: int) -> str:
    return f"school-{number:05}"


def _events(first: int, end: int, sessions: int, days: int) -> pa.Table:
    """The events of some sessions. Sessions begin one after another and each lasts an hour."""
    each = np.repeat(np.arange(first, end), EVENTS_PER_SESSION)
    index = np.tile(np.arange(EVENTS_PER_SESSION), end - first)
    starts = each * (days * 86_400_000_000 // sessions)
    times = int(_BEGINS.timestamp()) * 1_000_000 + starts + index * 14_400_000
    names = pa.array([session_id(number) for number in range(first, end)])
    numbers = pa.array(index + 1, pa.int64())
    texts = [f"{number:012x}" for number in (each * EVENTS_PER_SESSION + index).tolist()]
    return _table(
        SESSION_EVENTS,
        len(each),
        id=pa.array([f"01900000-0000-7000-8000-{text}" for text in texts]),
        session_id=names.take(pa.array(each - first)),
        teacher_id=pa.array(["teacher"] * len(each)),
        event_type=pa.array(["member_join"] * len(each)),
        event_time=pa.array(times, pa.timestamp("us", tz="UTC")),
        payload=pa.array([f'{{"groupId":"{text}","memberCount":4}}' for text in texts]),
        source=pa.array(["ws/1"] * len(each)),
        sequence=numbers,
    )


def _hour(start: datetime, schools: int) -> pa.Table:
    values = pa.array(np.arange(schools), pa.int32())
    return _table(
        DASHBOARD_METRICS_HOURLY,
        schools,
        id=pa.array([f"{_school(number)}-{start:%Y%m%d%H}" for number in range(schools)]),
        school_id=pa.array([_school(number) for number in range(schools)]),
        metric_hour=pa.array([start] * schools, pa.timestamp("us", tz="UTC")),
        sessions_active=values,
        teachers_active=values,
        students_active=values,
    )


def _table(table: Table, rows: int, **columns: pa.Array) -> pa.Table:
    schema = arrow_schema(table)
    return pa.table(
        [columns.get(field.name, pa.nulls(rows, field.type)) for field in schema], schema
    )


def _apart(do: Callable[..., Any], *given: Any) -> Any:  # noqa: ANN401
    """Do something in a fresh process, whose memory is its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(do, *given).result()


def main(
    events: Annotated[int, typer.Option(min=250_000, help="Rows of session_events.")] = 5_000_000,
    schools: Annotated[int, typer.Option(min=1, help="Schools with hourly rows.")] = 1_000,
    days: Annotated[int, typer.Option(min=30, help="Days with hourly rows.")] = 60,
    reads: Annotated[int, typer.Option(min=20, help="Reads of each kind.")] = 200,
) -> None:
    """Measure timelines and dashboard reads of embedded tables that upkeep has laid out."""
    found, sessions = conditions(), events // EVENTS_PER_SESSION
    chosen = random.Random(0)
    wanted = [session_id(chosen.randrange(sessions)) for _ in range(reads)]
    with tempfile.TemporaryDirectory(prefix="classwaves-bench-") as folder:
        _apart(build, folder, sessions, schools, days)
        before, before_peak = _apart(timelines_before, folder, wanted[: reads // 10])
        after, after_peak = _apart(timelines, folder, wanted)
        figures = {
            "events": sessions * EVENTS_PER_SESSION,
            "hourly_rows": schools * days * 24,
            "timeline": {**asdict(after), "peak_bytes": after_peak},
            "timeline_by_snapshot": {**asdict(before), "peak_bytes": before_peak},
            "median_ratio": round(before.p50_ms / after.p50_ms, 1),
            "cpu_ratio": round(before.cpu_ms / after.cpu_ms, 1),
            "hourly_rows_of_a_day": asdict(_apart(dashboards, folder, schools, days, 1, reads)),
            "hourly_rows_of_30_days": asdict(_apart(dashboards, folder, schools, days, 30, reads)),
        }
    record("read", found, figures)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    run_benchmark(main)
