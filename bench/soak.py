"""`make soak`: school days one after another, with a fault every 20 seconds.

Consumers and producers are killed, consumers are frozen beyond their session and get no file
written, the broker is killed, and the network between the broker and all of its clients is cut. The
same seed gives the same days and faults. In a shared SQL warehouse only the faults are the same.
"""

import os
from pathlib import Path
from random import Random
from typing import Annotated

import typer

from bench.command import run_benchmark
from demo.faults import random_faults
from demo.main import run_demo
from demo.settings import Plan, WarehouseSettings

DAY_SECONDS = 60.0
CONSUMERS = 3
FAULT_EVERY_SECONDS = 20.0
EVENTS_PER_SECOND = 2_100
REPORT_EVERY_SECONDS = 10.0


def plan_of(minutes: float, seed: int) -> Plan:
    """Return a plan of days that take one minute each."""
    days = max(1, round(minutes * 60 / DAY_SECONDS))
    faults = random_faults(Random(seed), days * DAY_SECONDS, FAULT_EVERY_SECONDS)
    return Plan(
        seed=seed,
        day_seconds=DAY_SECONDS,
        days=days,
        faults=tuple(faults),
        consumers=CONSUMERS,
        events_per_second=EVENTS_PER_SECOND,
    )


def main(
    minutes: Annotated[
        float,
        typer.Option(envvar="SOAK_MINUTES", min=0.01, help="Minutes for which producers send."),
    ] = 30.0,
    seed: Annotated[int, typer.Option(envvar="SOAK_SEED", help="Seed of the days and faults.")] = 1,
    folder: Annotated[
        Path | None,
        typer.Option(
            envvar="SOAK_FOLDER",
            help="An empty or missing folder for the files. [default: a temporary one]",
        ),
    ] = None,
) -> None:
    """Run school days one after another, with a fault every 20 seconds.

    WAREHOUSE=databricks: keeps the tables in a SQL warehouse.
    """
    warehouse = WarehouseSettings.from_environment(os.environ).warehouse
    raise typer.Exit(run_demo(plan_of(minutes, seed), folder, warehouse, REPORT_EVERY_SECONDS))


if __name__ == "__main__":
    run_benchmark(main)
