"""The peak memory of one consumer with default settings while it drains messages.

The messages are small and valid, large and valid, or large and every other one becomes a dead
letter.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench.checkout import Checkout, checkouts_of
from bench.command import run_benchmark
from bench.drain import finish, wait_until_drained
from bench.environment import fresh_table, real_kafka, with_topic
from bench.fill import Kind
from bench.measurement import peak_bytes, record
from demo.environment import Environment

_CASES = (Kind.SMALL, Kind.LARGE, Kind.HALF_BAD)
_TUNED = {"DEAD_LETTER_LIMIT": "1"}
"""Half of a stream is just below the default limit, and would exceed it now and then."""


@dataclass(frozen=True, slots=True)
class Peak:
    """One drain.

    Args:
        checkout: label of the working copy that drained.
        messages: what the topic had.
        count: their number.
        seconds: from the assignment to the last commit.
        rows_per_commit: the median.
        peak_bytes: the consumer's peak resident memory; None if the system does not report it.
    """

    checkout: str
    messages: Kind
    count: int
    seconds: float
    rows_per_commit: int
    peak_bytes: int | None


def memory(
    environment: Environment, count: int, rounds: int, checkouts: Sequence[Checkout]
) -> Iterator[Peak]:
    """Fill a topic for each case and drain it.

    Raises:
        WrongResult: a topic was not drained.
    """
    for case in _CASES:
        topic = f"{environment.settings.session_events_topic}.{case}"
        filled = with_topic(environment, topic, **_TUNED)
        command = (sys.executable, "-m", "bench.fill", topic, str(count), "--kind", case)
        finish(filled.start(f"fill-{case}", *command))
        for number in range(rounds):
            for checkout in checkouts:
                yield _drain(filled, f"{case}-{number}-{checkout.label}", case, count, checkout)


def _drain(environment: Environment, name: str, case: Kind, count: int, checkout: Checkout) -> Peak:
    fresh = fresh_table(environment, name)
    checkout.output(fresh.environ, "tables", "migrate")
    with fresh.start(f"consumer-{name}", *checkout.command("run"), **checkout.environ) as consumer:
        commits = wait_until_drained(consumer, count)
        peak = peak_bytes(consumer.pid)
        consumer.terminate()
        consumer.wait(30)
    return Peak(checkout.label, case, count, round(commits.seconds, 2), commits.median_rows, peak)


def table_of(peaks: Sequence[Peak]) -> Table:
    """Render the drains for the terminal."""
    table = Table(title="Peak memory of a consumer", box=None)
    for heading in ("checkout", "messages", "count", "s", "rows a commit", "peak MiB"):
        table.add_column(heading, justify="right")
    for each in peaks:
        table.add_row(
            each.checkout,
            each.messages,
            f"{each.count:,}",
            f"{each.seconds:.1f}",
            f"{each.rows_per_commit:,}",
            "unknown" if each.peak_bytes is None else f"{each.peak_bytes / 2**20:,.0f}",
        )
    return table


def main(
    count: Annotated[
        int, typer.Option(envvar="MEMORY_MESSAGES", min=1, help="Messages of each case.")
    ] = 300_000,
    rounds: Annotated[int, typer.Option(min=1, help="Drains of each case.")] = 2,
    against: Annotated[
        Path | None,
        typer.Option(help="Another working copy to drain with in the same run, in turns."),
    ] = None,
) -> None:
    """Measure the peak memory of a consumer."""
    console = Console()
    with real_kafka("memory") as (environment, found):
        found.update(_TUNED)
        console.print(", ".join(f"{name} {value}" for name, value in found.items()))
        began = time.monotonic()
        peaks: list[Peak] = []
        for peak in memory(environment, count, rounds, checkouts_of(against)):
            peaks.append(peak)
            console.print(f"{time.monotonic() - began:5.0f} s  {peak}")
        console.print(table_of(peaks))
        figures: dict[str, Any] = {"peaks": [asdict(each) for each in peaks]}
        record("memory" if against is None else "memory-against", found, figures)


if __name__ == "__main__":
    run_benchmark(main)
