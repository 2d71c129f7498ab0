"""The time from `emit` until an event is in the Delta table, with default settings.

A process emits with the SDK at a steady rate, `ingestor run` stores. An event is visible from the
moment at which its commit is in the table's log; that moment is observed, to five milliseconds.
Percentiles are of all events, not of a histogram. Last, one of two consumers is killed, and the
time is measured until the other has stored messages of each partition that the killed one had.
"""

import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench.command import run_benchmark
from bench.consumer_log import owned_partitions
from bench.drain import finish
from bench.environment import fresh_table, real_kafka, with_topic
from bench.errors import WrongResult
from bench.measurement import record
from classwaves_schemas.tables import SESSION_EVENTS
from demo.environment import Environment
from demo.freshness import added_rows, quantile
from demo.process import Process

_LOOK_SECONDS = 0.005
_END_SECONDS = 60.0
_WARM_UP_SECONDS = 5.0
_SHARES = (0.5, 0.9, 0.99, 0.999, 1.0)


@dataclass(frozen=True, slots=True)
class Freshness:
    """How fresh the table is at one rate.

    Args:
        per_second: emitted events.
        events: their number, without those of the first five seconds.
        commits: that had rows.
        seconds: by share of the events, the longest time until one of them was visible.
    """

    per_second: float
    events: int
    commits: int
    seconds: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Takeover:
    """What a killed consumer costs.

    Args:
        partitions: of the killed consumer.
        seconds: from the SIGKILL until a message of each of them was visible.
    """

    partitions: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Row:
    """A stored event: its id, partition, and the Unix time from which it was visible."""

    id: str
    partition: int
    visible_at: float


@dataclass
class LogWatch:
    """Notes when commits appear in the log of a Delta table.

    Args:
        table: its folder.
    """

    table: Path
    _seen: dict[int, float] = field(default_factory=dict)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs."""
        ended = threading.Event()
        version = len([*self._log.glob("*.json")])

        def watch() -> None:
            nonlocal version
            while not ended.wait(_LOOK_SECONDS):
                while self._entry(version).exists():
                    self._seen[version] = time.time()
                    version += 1

        thread = threading.Thread(target=watch, name="log-watch")
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def rows(self) -> Iterator[Sequence[Row]]:
        """The rows of each commit that appeared."""
        for version, at in list(self._seen.items()):  # the watch adds to it
            for stored in added_rows(self.table, self._entry(version), ["id", "kafka_partition"]):
                yield [Row(row["id"], row["kafka_partition"], at) for row in stored.to_pylist()]

    @property
    def _log(self) -> Path:
        return self.table / "_delta_log"

    def _entry(self, version: int) -> Path:
        return self._log / f"{version:020}.json"


def freshness(environment: Environment, per_second: float, seconds: float) -> Freshness:
    """Measure one rate in a new table.

    Raises:
        WrongResult: an event was not stored.
    """
    name = f"freshness-{per_second:.0f}"
    fresh = _new_table(environment, name)
    watch = LogWatch(_table(fresh))
    with _consumer(fresh, f"consumer-{name}"), watch.watching():
        emitted = _emit(fresh, name, per_second, seconds)
        _wait_until_stored(watch, emitted)
    began = min(emitted.values())
    commits = [*watch.rows()]
    waited = [
        row.visible_at - emitted[row.id]
        for rows in commits
        for row in rows
        if emitted[row.id] >= began + _WARM_UP_SECONDS
    ]
    return Freshness(
        per_second,
        len(waited),
        len(commits),
        {
            f"{share:.1%}": round(longest, 3)
            for share in _SHARES
            if (longest := quantile(share, waited)) is not None
        },
    )


def takeover(environment: Environment, per_second: float) -> Takeover:
    """Kill one of two consumers under traffic."""
    name = "takeover"
    fresh = _new_table(environment, name)
    watch = LogWatch(_table(fresh))
    with (
        _consumer(fresh, f"consumer-{name}-1") as killed,
        _consumer(fresh, f"consumer-{name}-2"),
        watch.watching(),
        _start_emitting(fresh, name, per_second, 3 * _END_SECONDS),
    ):
        partitions = _wait_for_half(killed, watch)
        at = time.time()
        killed.kill()
        while not partitions <= _visible_since(watch, at).keys():
            if time.time() > at + _END_SECONDS:
                raise WrongResult("The partitions of the killed consumer do not go on.")
            time.sleep(0.5)
    visible = _visible_since(watch, at)
    return Takeover(len(partitions), round(max(visible[each] for each in partitions) - at, 2))


def _new_table(environment: Environment, name: str) -> Environment:
    fresh = fresh_table(environment, name)
    fresh.output("ingestor", "tables", "migrate")
    return fresh


def _table(environment: Environment) -> Path:
    root = Path(environment.settings.warehouse.removeprefix("delta:"))
    return root / SESSION_EVENTS.schema / SESSION_EVENTS.name


@contextmanager
def _consumer(environment: Environment, name: str) -> Iterator[Process]:
    with environment.start(name, *environment.command("ingestor", "run")) as process:
        deadline = time.monotonic() + _END_SECONDS
        while "Partitions assigned" not in process.log.read_text():
            if process.code is not None or time.monotonic() > deadline:
                raise WrongResult(f"The consumer does not start: {process.log_tail()}")
            time.sleep(0.1)
        yield process


def _start_emitting(
    environment: Environment, name: str, per_second: float, seconds: float
) -> Process:
    return environment.start(
        f"emit-{name}",
        sys.executable,
        "-m",
        "bench.steady",
        str(per_second),
        str(seconds),
        str(_journal(environment, name)),
        SPOOL_FOLDER=str(environment.spools / name),
    )


def _journal(environment: Environment, name: str) -> Path:
    return environment.journals / f"{name}.txt"


def _emit(
    environment: Environment, name: str, per_second: float, seconds: float
) -> Mapping[str, float]:
    """Emit, and return the time of each id."""
    finish(_start_emitting(environment, name, per_second, seconds))
    lines = _journal(environment, name).read_text().splitlines()
    return {event_id: float(at) for event_id, at in map(str.split, lines)}


def _wait_until_stored(watch: LogWatch, emitted: Mapping[str, float]) -> None:
    deadline = time.monotonic() + _END_SECONDS
    while sum(map(len, watch.rows())) < len(emitted):
        if time.monotonic() > deadline:
            raise WrongResult(f"Not all of {len(emitted)} events are stored.")
        time.sleep(1.0)


def _wait_for_half(consumer: Process, watch: LogWatch) -> set[int]:
    """The partitions of one of two consumers, once messages of all partitions are stored."""
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline:
        with consumer.log.open() as lines:
            owned = owned_partitions(lines)
        everything = _visible_since(watch, 0.0).keys()
        if owned and owned < everything and 2 * len(owned) <= len(everything):
            return owned
        time.sleep(0.5)
    raise WrongResult(f"The consumers do not share the partitions: {consumer.log_tail()}")


def _visible_since(watch: LogWatch, at: float) -> Mapping[int, float]:
    """By partition, the first time after `at` at which a message became visible."""
    visible: dict[int, float] = {}
    for rows in watch.rows():
        for row in rows:
            if row.visible_at > at:
                visible.setdefault(row.partition, row.visible_at)
    return visible


def table_of(found: Sequence[Freshness]) -> Table:
    """Render the percentiles for the terminal."""
    table = Table(title="Seconds from emit until visible in the Delta table", box=None)
    for heading in ("events /s", "events", "commits", *found[0].seconds):
        table.add_column(heading, justify="right")
    for each in found:
        table.add_row(
            f"{each.per_second:,.0f}",
            f"{each.events:,}",
            f"{each.commits:,}",
            *(f"{seconds:.3f}" for seconds in each.seconds.values()),
        )
    return table


def main(
    seconds: Annotated[
        float, typer.Option(envvar="FRESHNESS_SECONDS", min=10, help="Seconds for each rate.")
    ] = 60.0,
    rates: Annotated[list[float] | None, typer.Option(help="Events a second.")] = None,
) -> None:
    """Measure freshness at two rates, and the time that a killed consumer costs."""
    console = Console()
    with real_kafka("freshness") as (environment, found_conditions):
        console.print(", ".join(f"{name} {value}" for name, value in found_conditions.items()))
        found = []
        for number, rate in enumerate(rates or [10.0, 2_000.0]):
            topic = f"{environment.settings.session_events_topic}.{number}"
            found.append(freshness(with_topic(environment, topic), rate, seconds))
            console.print(table_of(found[-1:]))
        topic = f"{environment.settings.session_events_topic}.takeover"
        killed = takeover(with_topic(environment, topic), 200.0)
        console.print(
            f"{killed.partitions} partitions of a killed consumer went on after {killed.seconds} s."
        )
        figures: dict[str, Any] = {
            "seconds": seconds,
            "freshness": [asdict(each) for each in found],
            "takeover": asdict(killed),
        }
        record("freshness", found_conditions, figures)


if __name__ == "__main__":
    run_benchmark(main)
