import os
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from classwaves_rollup.backfill import Backfill
from classwaves_rollup.errors import HoursFailed
from classwaves_rollup.hour_computer import HourComputer
from classwaves_rollup.hours import parse_hours
from classwaves_rollup.late_data import LateDataScan
from classwaves_rollup.run_log import Run, RunLog, State, TakeoverTimeout, new_owner
from classwaves_rollup.settings import RollupSettings
from classwaves_runtime import failpoints
from classwaves_runtime.clock import SystemClock
from classwaves_runtime.signals import stop_event
from classwaves_warehouse.open import open_warehouse

_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeRemainingColumn(),
)


def backfill(
    first: Annotated[
        str,
        typer.Option("--from", metavar="HOUR|DATE", help="The first hour, or its date, in UTC."),
    ],
    last: Annotated[
        str, typer.Option("--to", metavar="HOUR|DATE", help="The last hour, or its date, included.")
    ],
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="How many hours to compute in parallel.")
    ] = os.cpu_count() or 1,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Also compute hours that seem up to date, as after restoring a source."
        ),
    ] = False,
) -> None:
    """Compute the hours of a range that are not up to date, oldest first; exit 1 if one failed.

    Run it again to continue.
    """
    settings, clock = RollupSettings.from_environment(os.environ), SystemClock()
    warehouse = open_warehouse(settings.warehouse)
    failpoints.arm(os.environ)  # those of the adapter, too
    try:
        hours = parse_hours(first, last)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--from, --to") from error
    if hours[-1] > clock.now():
        raise typer.BadParameter(f"{hours[-1]:%Y-%m-%dT%H} has not begun", param_hint="--to")
    stop = stop_event()
    job = Backfill(
        open_computer=lambda: HourComputer.from_settings(settings, warehouse, clock),
        scan=LateDataScan(TakeoverTimeout(new_owner(), clock)),
        workers=workers,
        stop=stop,
    )
    run_log = job.mark_late_data()
    remaining = hours if again else job.remaining(hours, run_log)
    typer.echo(f"{len(hours)} hours, {len(hours) - len(remaining)} of them are up to date.")
    failed = _compute(job, remaining, run_log)
    if failed:
        raise HoursFailed(
            f"{len(failed)} hours failed, the first is {min(failed):%Y-%m-%dT%H}: "
            "see `rollup status`."
        )
    if stop.is_set():
        raise HoursFailed("Stopped before all hours were computed. Run the command again.")


def _compute(job: Backfill, hours: Sequence[datetime], run_log: RunLog) -> list[datetime]:
    """Compute hours with a progress bar; give those that failed."""
    console, failed = Console(stderr=True), []
    with Progress(*_COLUMNS, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("hours", total=len(hours))
        rows = 0
        for hour, result in job.results(hours, run_log):
            progress.advance(task)
            if isinstance(result, Run) and result.state is not State.FAILED:
                rows += result.hourly_rows or 0
            else:
                failed.append(hour)
                reason = result.error if isinstance(result, Run) else str(result)
                progress.console.print(f"{hour:%Y-%m-%dT%H} failed: {reason}")
    typer.echo(f"{rows} rows written.")
    return failed
