"""What the hourly rollup costs on Delta tables on disk: `python -m bench.rollup`.

Options and their variables, such as HISTORY_DAYS, make it smaller.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, ParamSpec, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from bench.command import run_benchmark
from bench.measurement import conditions, record
from bench.rollup_backfill import Month, month
from bench.rollup_data import HOUR, build_days, build_hour
from bench.rollup_hour import Cost, Growth, cost, touchable_bytes
from classwaves_rollup.formulas import HOUR as AN_HOUR
from classwaves_schemas.tables import SESSION_EVENTS
from classwaves_warehouse.open import open_warehouse

RUNS = 3
ROUNDS = 3
WORKERS = 2
_P = ParamSpec("_P")
_T = TypeVar("_T")
_EVENTS = f"""
SELECT CAST(COUNT(*) AS BIGINT) AS events FROM {SESSION_EVENTS.name} WHERE event_time >= :since AND
event_time < :until
"""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the benchmark; see the options of `main`."""

    hour_schools: int
    hour_sessions: int
    history_days: int
    history_sessions: int
    month_hours: int


class Bench:
    """One run of the benchmark; what is measured is recorded part by part."""

    def __init__(self, settings: Sizes, folder: Path, console: Console) -> None:
        self._settings = settings
        self._alone, self._short, self._long = (
            str(folder / name) for name in ("alone", "short", "long")
        )
        self._console = console
        self._found = conditions()
        self._figures: dict[str, Any] = {}

    def run(self) -> None:
        """Measure, print, and write the result with its conditions."""
        self._console.print(", ".join(f"{name} {value}" for name, value in self._found.items()))
        self._keep("hour", self._hour())
        self._keep("growth", self._growth())
        self._keep("month", self._month())

    def _keep(self, name: str, figures: dict[str, Any]) -> None:
        self._figures[name] = figures
        record("rollup", self._found, self._figures)

    def _hour(self) -> dict[str, Any]:
        settings = self._settings
        self._timed(
            "the hour", build_hour, self._alone, settings.hour_schools, settings.hour_sessions
        )
        events = _events(self._alone)
        found = apart(cost, self._alone, HOUR, RUNS)
        touchable = touchable_bytes(self._alone, HOUR)
        self._console.print(hour_table(found, events, sum(touchable.values())))
        return {
            "schools": settings.hour_schools,
            "sessions": settings.hour_sessions,
            "events": events,
            **asdict(found),
            "median_seconds": found.median_seconds,
            "touchable_bytes": touchable,
        }

    def _growth(self) -> dict[str, Any]:
        schools, sessions = self._settings.hour_schools, self._settings.history_sessions
        days = self._settings.history_days
        shutil.copytree(self._alone, self._short)
        self._timed("a day of history", build_days, self._short, 1, 1, schools, sessions)
        shutil.copytree(self._short, self._long)
        self._timed(f"{days} days of history", build_days, self._long, 2, days, schools, sessions)
        short, long = [], []
        for _ in range(ROUNDS):
            short.append(apart(cost, self._short, HOUR, 1))
            long.append(apart(cost, self._long, HOUR, 1))
        touchable = touchable_bytes(self._short, HOUR), touchable_bytes(self._long, HOUR)
        growth = Growth(days, sessions, short, long, *touchable)
        self._console.print(growth_table(growth))
        return growth.document()

    def _month(self) -> dict[str, Any]:
        found = apart(month, self._long, HOUR, self._settings.month_hours, WORKERS)
        self._console.print(month_table(found))
        return {"sessions_an_hour": self._settings.history_sessions / 24, **found.document()}

    def _timed(
        self, what: str, build: Callable[_P, None], *given: _P.args, **named: _P.kwargs
    ) -> None:
        began = time.perf_counter()
        apart(build, *given, **named)
        self._console.print(f"Built {what} in {time.perf_counter() - began:.1f} s.")


def apart(do: Callable[_P, _T], *given: _P.args, **named: _P.kwargs) -> _T:
    """Do something in a fresh process, whose memory is its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(do, *given, **named).result()


def hour_table(found: Cost, events: int, touchable: int) -> Table:
    """The hour alone, for a person."""
    table = _table(f"An hour with {events:,} events", "run", "seconds", "CPU s")
    for number, (seconds, cpu) in enumerate(zip(found.seconds, found.cpu_seconds, strict=True), 1):
        table.add_row(str(number), f"{seconds:.2f}", f"{cpu:.2f}")
    table.caption = (
        f"median {found.median_seconds:.2f} s; {found.facts:,} facts, {found.rows:,} rows; "
        f"peak {_mib(found.peak_bytes)}; files of {_mib(touchable)} may be touched, "
        f"{_mib(found.read_bytes)} were read"
    )
    return table


def growth_table(growth: Growth) -> Table:
    """The hour in tables of two sizes, for a person."""
    table = _table(
        "The same hour after more history", "history", "seconds", "touchable", "read", "peak"
    )
    for days, costs, touchable in (
        (1, growth.short, growth.short_bytes),
        (growth.days, growth.long, growth.long_bytes),
    ):
        for each in costs:
            size = _mib(sum(touchable.values()))
            table.add_row(
                f"{days} d",
                f"{each.median_seconds:.2f}",
                size,
                _mib(each.read_bytes),
                _mib(each.peak_bytes),
            )
    read = growth.read_ratio
    table.caption = (
        f"ratios: time {growth.time_ratio:.2f}, touchable bytes {growth.bytes_ratio:.2f}, "
        f"read bytes {'unknown' if read is None else f'{read:.2f}'}"
    )
    return table


def month_table(found: Month) -> Table:
    """The backfill, for a person."""
    table = _table(
        "A backfill",
        "hours",
        "seconds",
        "CPU s",
        "first quarter s",
        "last quarter s",
        "peak",
        "a year, min",
    )
    table.add_row(
        str(found.hours),
        f"{found.seconds:.1f}",
        f"{found.cpu_seconds:.1f}",
        f"{found.first_quarter_seconds:.1f}",
        f"{found.last_quarter_seconds:.1f}",
        _mib(found.peak_bytes),
        f"{found.year_seconds / 60:.0f}",
    )
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, box=None)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def _mib(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 2**20:,.1f} MiB"


def _events(folder: str) -> int:
    with open_warehouse(f"delta:{folder}").rollup().snapshot([SESSION_EVENTS]) as snapshot:
        return int(
            snapshot.query(_EVENTS, {"since": HOUR, "until": HOUR + AN_HOUR})["events"][0].as_py()
        )


def main(
    hour_schools: Annotated[
        int, typer.Option(envvar="HOUR_SCHOOLS", min=1, help="Schools.")
    ] = 1_000,
    hour_sessions: Annotated[
        int,
        typer.Option(envvar="HOUR_SESSIONS", min=1, help="Sessions that begin in the busy hour."),
    ] = 20_000,
    history_days: Annotated[
        int, typer.Option(envvar="HISTORY_DAYS", min=1, help="Days of history before the hour.")
    ] = 90,
    history_sessions: Annotated[
        int,
        typer.Option(envvar="HISTORY_SESSIONS", min=1, help="Sessions in a day of history."),
    ] = 1_200,
    month_hours: Annotated[
        int,
        typer.Option(
            envvar="MONTH_HOURS",
            min=1,
            help="Hours to backfill, at most 24 for each day of history.",
        ),
    ] = 720,
) -> None:
    """Measure the hourly rollup on Delta tables on disk."""
    sizes = Sizes(hour_schools, hour_sessions, history_days, history_sessions, month_hours)
    with tempfile.TemporaryDirectory(prefix="classwaves-bench-") as folder:
        Bench(sizes, Path(folder), Console()).run()


if __name__ == "__main__":
    run_benchmark(main)
