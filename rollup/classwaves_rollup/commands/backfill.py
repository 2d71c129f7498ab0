import os
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from classwaves_rollup.backfill import Backfill
from classwaves_rollup.errors import HoursFailed
from classwaves_rollup.given import hours_given
from classwaves_rollup.hour import HourRun
from classwaves_rollup.repair import Look
from classwaves_rollup.run import Run, State, new_owner
from classwaves_rollup.runs import Runs
from classwaves_rollup.settings import RollupSettings
from classwaves_rollup.taking_over import Patience
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
        int, typer.Option(min=1, max=64, help="Hours computed side by side.")
    ] = os.cpu_count() or 1,
    again: Annotated[
        bool,
        typer.Option("--again", help="Also hours that seem right, as after restoring a source."),
    ] = False,
) -> None:
    """Compute the hours of a range that are not right yet, oldest first; exit 1 if one failed. Run again to go on."""
    settings, clock = RollupSettings.from_environment(os.environ), SystemClock()
    failpoints.arm(os.environ)
    try:
        wanted = hours_given(first, last)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--from, --to") from error
    if wanted[-1] > clock.now():
        raise typer.BadParameter(f"{wanted[-1]:%Y-%m-%dT%H} has not begun", param_hint="--to")
    stop, warehouse = stop_event(), open_warehouse(settings.warehouse)
    look = Look(Patience(new_owner(), clock))
    work = Backfill(lambda: HourRun.opened(settings, warehouse, clock), look, workers, stop)
    runs = work.looked()
    left = wanted if again else work.left(wanted, runs)
    typer.echo(f"{len(wanted)} hours, {len(wanted) - len(left)} of them are right already.")
    failed = _carry_out(work, left, runs)
    if failed:
        raise HoursFailed(
            f"{len(failed)} hours failed, the first is {min(failed):%Y-%m-%dT%H}: see `rollup status`."
        )
    if stop.is_set():
        raise HoursFailed("Stopped: not all hours are computed. The same command goes on.")


def _carry_out(work: Backfill, left: Sequence[datetime], runs: Runs) -> list[datetime]:
    console, failed = Console(stderr=True), []
    with Progress(*_COLUMNS, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("hours", total=len(left))
        rows = 0
        for hour, result in work.results(left, runs):
            progress.advance(task)
            if isinstance(result, Run) and result.state is State.DONE:
                rows += result.hourly_rows or 0
            else:
                failed.append(hour)
                why = result.error if isinstance(result, Run) else str(result)
                progress.console.print(f"{hour:%Y-%m-%dT%H} failed: {why}")
    typer.echo(f"{rows} rows written.")
    return failed
