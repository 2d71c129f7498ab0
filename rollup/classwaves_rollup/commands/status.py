import json
import os
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from classwaves_rollup.run_log import Run
from classwaves_rollup.settings import RollupSettings
from classwaves_rollup.status import Status, read_status
from classwaves_runtime.clock import SystemClock
from classwaves_runtime.timestamps import format_timestamp
from classwaves_warehouse.open import open_warehouse

_PIPED_WIDTH = 200


def status(
    last: Annotated[int, typer.Option(min=1, help="How many of the newest hours to show.")] = 24,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the state of the newest hours, and the last hour up to which all are complete."""
    settings = RollupSettings.from_environment(os.environ)
    store = open_warehouse(settings.warehouse).rollup()
    found = read_status(settings, store, SystemClock().now())
    if as_json:
        typer.echo(json.dumps(_document(found, last)))
    else:
        _print(found, last)


def _document(found: Status, last: int) -> dict[str, Any]:
    return {
        "complete_through": _hour(found.last_complete_hour),
        "lag_seconds": round(found.lag_seconds, 3),
        "stored_until": _moment(found.ingested_through),
        **{name: [_hour(hour) for hour in hours] for name, hours in found.problems.items()},
        "hours": [_run(run) for run in found.newest(last)],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "hour": _hour(run.metric_hour),
        "state": run.state,
        "complete": run.complete,
        "started_at": _moment(run.started_at),
        "finished_at": _moment(run.finished_at),
        "seconds": run.seconds,
        "rows": run.hourly_rows,
        "facts": run.facts,
        "events_without_school": run.events_without_school,
        "source_versions": dict(run.source_versions),
        "code_version": run.code_version,
        "error": run.error,
    }


def _hour(hour: datetime | None) -> str | None:
    return None if hour is None else f"{hour:%Y-%m-%dT%H:%M:%SZ}"


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else format_timestamp(moment)


def _count(count: int | None) -> str:
    return "" if count is None else f"{count:,}"


def _print(found: Status, last: int) -> None:
    table = Table(
        "hour (UTC)", "state", "complete", "seconds", "rows", "facts", "no school", "why", box=None
    )
    for run in found.newest(last):
        table.add_row(
            f"{run.metric_hour:%Y-%m-%d %H}",
            run.state,
            "yes" if run.complete else "no",
            "" if run.seconds is None else f"{run.seconds:.1f}",
            *map(_count, (run.hourly_rows, run.facts, run.events_without_school)),
            run.error or "",
        )
    Console(width=None if Console().is_terminal else _PIPED_WIDTH).print(table)
    complete, ingested = found.last_complete_hour, found.ingested_through
    typer.echo(
        "last complete hour: " + (f"{complete:%Y-%m-%d %H} (UTC)" if complete else "none yet")
    )
    typer.echo(
        "ingested through: "
        + (f"{ingested:%Y-%m-%d %H:%M:%S} (UTC)" if ingested else "unknown for some partition")
    )
    typer.echo(f"lag: {found.lag_seconds:.0f} s")
    for name, hours in found.problems.items():
        if hours:
            typer.echo(
                f"{name}: {len(hours)} hours, "
                f"from {hours[0]:%Y-%m-%d %H} to {hours[-1]:%Y-%m-%d %H}"
            )
