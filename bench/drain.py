"""How fast a consumer drains a full topic into a fresh table, beside a bare consume loop over the same topic."""

import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from bench.commits import Commits
from bench.conditions import peak_bytes
from bench.errors import WrongResult
from demo.process import Process
from demo.world import World

ROUNDS = 3
_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Round:
    """One bare loop, then one drain.

    Args:
        bare_per_second: messages that the bare loop counted in a second.
        drained_per_second: events that the consumer stored in a second, from its first poll to the last row.
        start_up_seconds: from the start of the consumer's process until it was given partitions.
        commits: how many had rows.
        rows_per_commit: of the middle commit.
        peak_bytes: the consumer's largest resident memory, or None if the system does not tell.
    """

    bare_per_second: int
    drained_per_second: int
    start_up_seconds: float
    commits: int
    rows_per_commit: int
    peak_bytes: int | None


@dataclass(frozen=True, slots=True)
class Drain:
    """All rounds, and what `verify` says of the last.

    Args:
        events: how many were drained in each round.
        rounds: in their order.
        verify_seconds: how long the command took, start of its process included.
    """

    events: int
    rounds: tuple[Round, ...]
    verify_seconds: float

    @property
    def ratio(self) -> float:
        """The drain's rate as a share of the bare loop's: the median over rounds."""
        return median(each.drained_per_second / each.bare_per_second for each in self.rounds)

    def document(self) -> dict[str, Any]:
        """For a JSON file."""
        return {**asdict(self), "ratio": round(self.ratio, 3)}


def drain(world: World, events: int) -> Iterator[str | Drain]:
    """Measure, and tell each step; the result comes last.

    Raises:
        WrongResult: something was not stored once.
    """
    topic = world.settings.session_events_topic
    world.output("ingestor", "topics", "create")
    began = time.perf_counter()
    _finished(world.start("fill", sys.executable, "-m", "bench.fill", topic, str(events)))
    yield f"{events:,} events are in the topic, after {time.perf_counter() - began:.1f} s."
    rounds = []
    for number in range(1, ROUNDS + 1):
        one = _round(world, number, events)
        rounds.append(one)
        yield (
            f"round {number}: bare loop {one.bare_per_second:,}/s, drain {one.drained_per_second:,}/s, "
            f"ratio {one.drained_per_second / one.bare_per_second:.2f}"
        )
    yield Drain(events, tuple(rounds), _verify(_fresh(world, ROUNDS), events))


def _round(world: World, number: int, events: int) -> Round:
    topic = world.settings.session_events_topic
    bare = _finished(
        world.start(f"bare-{number}", sys.executable, "-m", "bench.bare", topic, str(events))
    )
    fresh = _fresh(world, number)
    fresh.output("ingestor", "tables", "migrate")
    started = datetime.now(UTC)
    with fresh.start(f"consumer-{number}", *fresh.command("ingestor", "run")) as consumer:
        commits = _drained(consumer, events)
        peak = peak_bytes(consumer.pid)
        consumer.terminate()
        consumer.wait(30)
    return Round(
        bare_per_second=round(events / float(bare)),
        drained_per_second=round(events / commits.seconds),
        start_up_seconds=round((commits.assigned_at - started).total_seconds(), 2),
        commits=len(commits.rows),
        rows_per_commit=commits.median_rows,
        peak_bytes=peak,
    )


def _fresh(world: World, number: int) -> World:
    """The same topic with a table and a group of its own."""
    return World(
        world.folder,
        {
            **world.environ,
            "WAREHOUSE": f"delta:{world.folder / f'warehouse-{number}'}",
            "INGESTOR_GROUP": f"{world.environ['INGESTOR_GROUP']}-{number}",
        },
    )


def _drained(consumer: Process, events: int) -> Commits:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and consumer.code is None:
        with consumer.log.open() as lines:
            commits = Commits.read(lines)
        if commits is not None and commits.stored >= events:
            return commits
        time.sleep(0.25)
    raise WrongResult(f"The consumer did not drain the topic: {consumer.last_words()}")


def _verify(world: World, events: int) -> float:
    began = time.perf_counter()
    total = json.loads(world.output("ingestor", "verify", "--json"))["total"]
    if total["stored"] != events:
        raise WrongResult(f"{events} events were sent, and {total['stored']} are stored.")
    return round(time.perf_counter() - began, 2)


def _finished(process: Process) -> str:
    """What a process wrote before it ended well."""
    with process:
        if process.wait(_SECONDS) != 0:
            raise WrongResult(
                f"{process.log.stem} ended with {process.code}: {process.last_words()}"
            )
    return process.last_words()
