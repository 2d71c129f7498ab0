"""`make bench`: the drain rate beside that of a bare consume loop. DRAIN_EVENTS=n makes it smaller."""

import os
import sys
import tempfile
from pathlib import Path

from pydantic import Field, PositiveInt
from rich.console import Console
from rich.table import Table

from bench.conditions import conditions
from bench.drain import Drain, drain
from bench.errors import NoRealBroker
from bench.record import record
from classwaves_runtime.entry_point import one_line_errors
from classwaves_runtime.settings import Settings
from demo.world import World
from local import kafka as local_kafka


class BenchSettings(Settings):
    """How much."""

    drain_events: PositiveInt = Field(default=1_000_000, description="events to drain")


def run(settings: BenchSettings, console: Console) -> None:
    """Measure, print, and write the result with its conditions."""
    with (
        local_kafka.start() as kafka,
        tempfile.TemporaryDirectory(prefix="classwaves-bench-") as folder,
    ):
        if not kafka.real:
            raise NoRealBroker
        found = conditions() | {"broker": f"{kafka.product} on the same machine"}
        console.print(", ".join(f"{name} {value}" for name, value in found.items()))
        for step in drain(World.create(Path(folder), kafka, "bench"), settings.drain_events):
            if isinstance(step, Drain):
                console.print(table_of(step))
                record("drain", found, step.document())
            else:
                console.print(step)


def table_of(result: Drain) -> Table:
    """The rounds, for a person."""
    table = Table(title=f"{result.events:,} events, 6 partitions, one consumer", box=None)
    for heading in (
        "bare loop /s",
        "drain /s",
        "ratio",
        "start-up s",
        "commits",
        "rows a commit",
        "peak MiB",
    ):
        table.add_column(heading, justify="right")
    for each in result.rounds:
        table.add_row(
            f"{each.bare_per_second:,}",
            f"{each.drained_per_second:,}",
            f"{each.drained_per_second / each.bare_per_second:.2f}",
            f"{each.start_up_seconds:.1f}",
            str(each.commits),
            f"{each.rows_per_commit:,}",
            "unknown" if each.peak_bytes is None else f"{each.peak_bytes / 2**20:,.0f}",
        )
    table.caption = (
        f"median ratio {result.ratio:.2f}; verify found each once, in {result.verify_seconds:.1f} s"
    )
    return table


@one_line_errors()
def main() -> int:
    """The exit code."""
    try:
        run(BenchSettings.from_environment(os.environ), Console())
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
