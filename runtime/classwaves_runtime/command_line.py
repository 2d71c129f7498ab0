"""The command line of a package: its commands, `--version`, and help on environment variables."""

import os
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Annotated

import typer

from classwaves_runtime import logs
from classwaves_runtime.entry_point import one_line_errors
from classwaves_runtime.settings import DISTRIBUTION, Settings


def command_line(about: str) -> typer.Typer:
    """Create a command line without commands; it configures logging before each command.

    Args:
        about: what the package does, for the help.
    """
    # Rich would join the lines of the list of variables.
    app = typer.Typer(
        help=about, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None
    )

    @app.callback()
    @one_line_errors()
    def configure(
        _version: Annotated[
            bool,
            typer.Option(
                "--version", is_eager=True, callback=_print_version, help="Print the version."
            ),
        ] = False,
    ) -> None:
        logs.configure(os.environ)

    return app


def add_command(app: typer.Typer, command: Callable[..., None], *settings: type[Settings]) -> None:
    """Add a command whose help lists the environment variables that it reads.

    Args:
        app: gets the command.
        command: a function; its name becomes the name of the command.
        settings: what the command reads from the environment.
    """
    lines = _variable_lines((*settings, logs.LogSettings))
    # \b keeps the line breaks of a paragraph.
    epilog = "\n".join(["\b", "Environment variables:", *lines])
    app.command(epilog=epilog)(one_line_errors()(command))


def _variable_lines(classes: tuple[type[Settings], ...]) -> Iterator[str]:
    variables = {each.name: each for settings in classes for each in settings.variables()}
    for variable in variables.values():
        yield f"  {variable.name} ({variable.default})"
        yield f"      {variable.description}"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version(DISTRIBUTION))
        raise typer.Exit
