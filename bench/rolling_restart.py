"""A rolling restart of three consumers under load, with 20 million identities in the table."""

import json
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from bench.command import run_benchmark
from bench.dedup import build
from bench.environment import real_kafka
from bench.errors import WrongResult
from bench.freshness import LogWatch
from bench.measurement import peak_bytes, record
from demo.environment import Environment
from demo.freshness import quantile
from demo.process import Process

CONSUMERS: Final = 3
_SETTLE_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 10.0
_START_SECONDS: Final = 10.0
_LONGEST_SECONDS: Final = 120.0


def restart_all(environment: Environment, rate: float) -> dict[str, Any]:
    """Restart one consumer after another while events flow; return the figures.

    Raises:
        WrongResult: a process failed, or an event is not stored exactly once.
    """
    environment.output("ingestor", "topics", "create")
    consumers = [_consumer(environment, f"consumer-{number}") for number in range(CONSUMERS)]
    for each in consumers:
        _wait_for(each, '"Partitions assigned"')
    seconds = 2 * _SETTLE_SECONDS + CONSUMERS * (_PAUSE_SECONDS + _START_SECONDS)
    journal = environment.journals / "producer.txt"
    watch = LogWatch(environment.table)
    with watch.watching():
        producer = environment.start(
            "producer", sys.executable, "-m", "bench.steady", str(rate), str(seconds), str(journal),
            SPOOL_FOLDER=str(environment.spools),
        )  # fmt: skip
        time.sleep(_SETTLE_SECONDS)
        began, starts = time.time(), []
        for number, old in enumerate(consumers):
            old.terminate()
            if old.wait(_LONGEST_SECONDS) != 0:
                raise WrongResult(f"A consumer ended with {old.code}: {old.log_tail()}")
            started = time.monotonic()
            consumers[number] = _consumer(environment, f"consumer-{number}-again")
            _wait_for(consumers[number], '"Committed"')
            starts.append(round(time.monotonic() - started, 2))
            time.sleep(_PAUSE_SECONDS)
        ended = time.time()
        if producer.wait(seconds + _LONGEST_SECONDS) != 0:
            raise WrongResult(f"The producer ended with {producer.code}: {producer.log_tail()}")
        found = _verify(environment)
    peaks = [peak_bytes(each.pid) for each in consumers]
    for each in consumers:
        each.terminate()
    for each in consumers:
        each.wait(_LONGEST_SECONDS)
    emitted = {
        event_id: float(at) for event_id, at in map(str.split, journal.read_text().splitlines())
    }
    return {
        "rate": rate,
        "before": _ages(watch, emitted, began - _SETTLE_SECONDS / 2, began),
        "meanwhile": _ages(watch, emitted, began, ended),
        "seconds_to_first_commit": starts,
        "peak_bytes": peaks,
        "verify": {name: found[name] for name in ("sent", "stored", "missing", "twice")},
    }


def _ages(
    watch: LogWatch, emitted: Mapping[str, float], begin: float, end: float
) -> Mapping[str, float]:
    """Seconds from emit to visible, of the events emitted within these times."""
    ages = [
        row.visible_at - emitted[row.id]
        for rows in watch.rows()
        for row in rows
        if begin <= emitted.get(row.id, 0.0) < end
    ]
    shares = {"p50": 0.5, "p99": 0.99, "worst": 1.0}
    return {"events": len(ages)} | {
        name: round(longest, 3)
        for name, share in shares.items()
        if (longest := quantile(share, ages)) is not None
    }


def _consumer(environment: Environment, name: str) -> Process:
    return environment.start(name, *environment.command("ingestor", "run"))


def _wait_for(process: Process, text: str) -> None:
    deadline = time.monotonic() + _LONGEST_SECONDS
    while text not in process.log.read_text():
        if process.code is not None or time.monotonic() > deadline:
            raise WrongResult(f"No {text} from {process.log.stem}: {process.log_tail()}")
        time.sleep(0.1)


def _verify(environment: Environment) -> dict[str, int]:
    """The totals of `ingestor verify` once nothing is in flight."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while True:
        done = environment.run("ingestor", "verify", "--json")
        total: dict[str, int] = json.loads(done.stdout)["total"]
        if not total["in_flight"]:
            break
        if time.monotonic() > deadline:
            raise WrongResult(f"{total['in_flight']} events are still in flight.")
    if total["missing"] or total["twice"]:
        raise WrongResult(f"missing {total['missing']}, twice {total['twice']}")
    return total


def main(
    identities: Annotated[
        int, typer.Option(help="Rows of the table in the 20 hours before.")
    ] = 20_000_000,
    rate: Annotated[float, typer.Option(help="Events a second.")] = 2_000.0,
) -> None:
    """Restart three consumers, one after another, under a steady load."""
    with real_kafka("bench") as (environment, found):
        build(environment.warehouse, identities, datetime.now(UTC))
        figures = {"identities": identities, **restart_all(environment, rate)}
        print(json.dumps(figures, indent=2))
        record("rolling-restart", found, figures)


if __name__ == "__main__":
    run_benchmark(main)
