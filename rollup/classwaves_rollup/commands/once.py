import os
from datetime import datetime
from typing import Annotated

import typer

from classwaves_rollup.errors import HoursFailed
from classwaves_rollup.hour_computer import HourComputer, compute_until_done
from classwaves_rollup.hours import parse_hour
from classwaves_rollup.run_log import State, read_run_log
from classwaves_rollup.settings import RollupSettings
from classwaves_runtime import failpoints
from classwaves_runtime.clock import SystemClock
from classwaves_warehouse.open import open_warehouse


def once(
    hour: Annotated[
        datetime,
        typer.Option(parser=parse_hour, metavar="HOUR", help="Such as 2026-11-25T10, in UTC."),
    ],
) -> None:
    """Compute one hour, whether or not it was computed before; exit 1 if it failed."""
    settings, clock = RollupSettings.from_environment(os.environ), SystemClock()
    warehouse = open_warehouse(settings.warehouse)
    failpoints.arm(os.environ)  # those of the adapter, too
    if hour > clock.now():
        raise typer.BadParameter(f"{hour:%Y-%m-%dT%H} has not begun", param_hint="--hour")
    computer = HourComputer.from_settings(settings, warehouse, clock)
    run_log = read_run_log(computer.store)
    run = compute_until_done(
        computer,
        hour,
        run_log,
        run_log.examined_versions,
        accept=lambda other: other.state is State.DONE,
    )
    if run.state is State.FAILED:
        raise HoursFailed(f"{hour:%Y-%m-%dT%H} failed: {run.error}")
    typer.echo(
        f"{hour:%Y-%m-%dT%H} {'done' if run.state is State.DONE else 'computed'} "
        f"in {run.seconds or 0:.1f} s: "
        f"{run.hourly_rows} rows from {run.facts} facts, "
        f"{run.events_without_school} events without a school; "
        f"{'complete' if run.complete else run.error or 'ingestion had not passed its end'}"
    )
