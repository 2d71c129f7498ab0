"""The command line of a room."""

import os

import typer

from classwaves_runtime import logs
from classwaves_runtime.exits import one_line_errors


def command_line(about: str) -> typer.Typer:
    """A command line without commands yet, which sets up the logs before any of them.

    Args:
        about: what the room does, for its help.
    """
    app = typer.Typer(
        help=f"{about} Settings come from the environment.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    @one_line_errors()
    def configure() -> None:
        """Before every command."""
        logs.configure(os.environ)

    return app
