"""The command line of the rollup."""

import os

import typer

from rollup.commands.backfill import backfill
from rollup.commands.once import once
from rollup.commands.run import run
from rollup.commands.status import status
from service import logs
from service.exits import one_line_errors

app = typer.Typer(
    help="dashboard_metrics_hourly, from session events and what else there is. Settings come from the environment.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
@one_line_errors()
def configure() -> None:
    """Before every command."""
    logs.configure(os.environ)


for command in (run, once, backfill, status):
    app.command()(one_line_errors()(command))
