"""The drain rate: how fast one consumer stores a full topic in a new table.

Each round also consumes the same topic without processing, as a reference. With `--against` each
round drains once with this working copy and once with another one, so both are measured under the
same conditions.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench.checkout import OTHER, THIS, Checkout, checkouts_of
from bench.command import run_benchmark
from bench.consumer_log import CommitLog
from bench.environment import fresh_table, real_kafka
from bench.errors import WrongResult
from bench.measurement import peak_bytes, record
from demo.environment import Environment
from demo.process import Process

ROUNDS = 3
_SECONDS = 600.0
_HEADINGS = (
    "checkout",
    "bare loop /s",
    "drain /s",
    "ratio",
    "start-up s",
    "commits",
    "rows a commit",
    "peak MiB",
)


@dataclass(frozen=True, slots=True)
class Round:
    """One drain, and the bare loop before it.

    Args:
        checkout: label of the working copy that drained.
        bare_per_second: messages per second of the bare loop.
        drained_per_second: events per second, from the assignment to the last commit.
        start_up_seconds: from the start of the consumer's process to the assignment.
        commits: that had rows.
        rows_per_commit: the median.
        peak_bytes: the consumer's peak resident memory; None if the system does not report it.
    """

    checkout: str
    bare_per_second: int
    drained_per_second: int
    start_up_seconds: float
    commits: int
    rows_per_commit: int
    peak_bytes: int | None

    @property
    def ratio(self) -> float:
        """The drain rate as a share of the bare loop's rate."""
        return self.drained_per_second / self.bare_per_second


@dataclass(frozen=True, slots=True)
class Drain:
    """All rounds.

    Args:
        events: drained in each round.
        rounds: in their order; with two checkouts these alternate.
        verify_seconds: duration of `ingestor verify` after each checkout's last round, by label.
    """

    events: int
    rounds: Sequence[Round]
    verify_seconds: Mapping[str, float]

    def ratio(self, checkout: str) -> float:
        """Return a checkout's median ratio of drain rate to bare loop."""
        return median(each.ratio for each in self.rounds if each.checkout == checkout)

    def per_second(self, checkout: str) -> float:
        """Return a checkout's median drain rate."""
        return median(each.drained_per_second for each in self.rounds if each.checkout == checkout)

    @property
    def this_by_other(self) -> float | None:
        """The median drain rate of this checkout by that of the other; None without another."""
        if OTHER not in self.verify_seconds:
            return None
        return self.per_second(THIS) / self.per_second(OTHER)

    def document(self) -> dict[str, Any]:
        """Return the content of the results file."""
        figures = {**asdict(self), "ratio": round(self.ratio(THIS), 3)}
        if self.this_by_other is not None:
            figures["this_by_other"] = round(self.this_by_other, 3)
        return figures


def drain(
    environment: Environment, events: int, checkouts: Sequence[Checkout]
) -> Iterator[str | Drain]:
    """Measure; yield progress lines, and the result last.

    Raises:
        WrongResult: an event is not stored exactly once.
    """
    topic = environment.settings.session_events_topic
    environment.output("ingestor", "topics", "create")
    began = time.perf_counter()
    finish(environment.start("fill", sys.executable, "-m", "bench.fill", topic, str(events)))
    yield f"Sent {events:,} events to the topic in {time.perf_counter() - began:.1f} s."
    rounds: list[Round] = []
    verify_seconds = {}
    for number in range(1, ROUNDS + 1):
        # Each round starts with another checkout, so neither always follows the other.
        for checkout in checkouts if number % 2 else reversed(checkouts):
            fresh = fresh_table(environment, f"{number}-{checkout.label}")
            rounds.append(_round(fresh, f"{number}-{checkout.label}", events, checkout))
            yield f"Round {number}: {_describe(rounds[-1])}"
            if number == ROUNDS:
                verify_seconds[checkout.label] = _verify(fresh, events, checkout)
    yield Drain(events, rounds, verify_seconds)


def _round(environment: Environment, name: str, events: int, checkout: Checkout) -> Round:
    topic = environment.settings.session_events_topic
    bare = finish(
        environment.start(f"bare-{name}", sys.executable, "-m", "bench.bare", topic, str(events))
    )
    checkout.output(environment.environ, "tables", "migrate")
    started = datetime.now(UTC)
    with environment.start(
        f"consumer-{name}", *checkout.command("run"), **checkout.environ
    ) as consumer:
        commits = wait_until_drained(consumer, events)
        peak = peak_bytes(consumer.pid)
        consumer.terminate()
        consumer.wait(30)
    return Round(
        checkout=checkout.label,
        bare_per_second=round(events / float(bare)),
        drained_per_second=round(events / commits.seconds),
        start_up_seconds=round((commits.assigned_at - started).total_seconds(), 2),
        commits=len(commits.rows),
        rows_per_commit=commits.median_rows,
        peak_bytes=peak,
    )


def wait_until_drained(consumer: Process, events: int) -> CommitLog:
    """Return the commits of a consumer once it has passed this number of messages.

    Raises:
        WrongResult: it has ended, or needs more than ten minutes.
    """
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and consumer.code is None:
        with consumer.log.open() as lines:
            commits = CommitLog.read(lines)
        if commits is not None and commits.stored >= events:
            return commits
        time.sleep(0.25)
    raise WrongResult(f"The consumer did not drain the topic: {consumer.log_tail()}")


def _verify(environment: Environment, events: int, checkout: Checkout) -> float:
    began = time.perf_counter()
    total = json.loads(checkout.output(environment.environ, "verify", "--json"))["total"]
    if total["stored"] != events:
        raise WrongResult(f"{events} events were sent, but {total['stored']} are stored.")
    return round(time.perf_counter() - began, 2)


def finish(process: Process) -> str:
    """Wait for a process to succeed, and return the last lines of its output.

    Raises:
        WrongResult: it failed, or needs more than ten minutes.
    """
    with process:
        if process.wait(_SECONDS) != 0:
            raise WrongResult(f"{process.log.stem} ended with {process.code}: {process.log_tail()}")
    return process.log_tail()


def _describe(one: Round) -> str:
    return (
        f"{one.checkout} checkout, bare loop {one.bare_per_second:,}/s, "
        f"drain {one.drained_per_second:,}/s, ratio {one.ratio:.2f}"
    )


def table_of(result: Drain) -> Table:
    """Render the rounds for the terminal."""
    table = Table(title=f"{result.events:,} events, 6 partitions, one consumer", box=None)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right")
    for each in result.rounds:
        table.add_row(
            each.checkout,
            f"{each.bare_per_second:,}",
            f"{each.drained_per_second:,}",
            f"{each.ratio:.2f}",
            f"{each.start_up_seconds:.1f}",
            str(each.commits),
            f"{each.rows_per_commit:,}",
            "unknown" if each.peak_bytes is None else f"{each.peak_bytes / 2**20:,.0f}",
        )
    seconds = result.verify_seconds[THIS]
    table.caption = (
        f"median ratio {result.ratio(THIS):.2f}; verify found each event once, in {seconds:.1f} s"
    )
    if result.this_by_other is not None:
        table.caption += f"; drain rate this / other {result.this_by_other:.3f}"
    return table


def main(
    events: Annotated[
        int, typer.Option(envvar="DRAIN_EVENTS", min=1, help="Events to drain.")
    ] = 1_000_000,
    against: Annotated[
        Path | None,
        typer.Option(help="Another working copy to drain with in the same run, in turns."),
    ] = None,
) -> None:
    """Measure the drain rate, with a bare consume loop as reference."""
    console = Console()
    with real_kafka("bench") as (environment, found):
        console.print(", ".join(f"{name} {value}" for name, value in found.items()))
        for step in drain(environment, events, checkouts_of(against)):
            if isinstance(step, Drain):
                console.print(table_of(step))
                record("drain" if against is None else "drain-against", found, step.document())
            else:
                console.print(step)


if __name__ == "__main__":
    run_benchmark(main)
