"""The command line of the read side."""

import os

import typer

from analytics.commands.timeline import timeline
from service import logs
from service.exits import one_line_errors

app = typer.Typer(
    help="Answers from the analytics tables. Settings come from the environment.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
@one_line_errors()
def configure() -> None:
    """Before every command."""
    logs.configure(os.environ)


app.command()(one_line_errors()(timeline))
