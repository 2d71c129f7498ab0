"""The command line of a package: its commands, `--version`, and help on environment variables."""

import os
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Annotated

import typer

from classwaves_runtime import logs
from classwaves_runtime.entry_point import one_line_errors
from classwaves_runtime.settings import DISTRIBUTION, Settings, Variable


def command_line(about: str) -> typer.Typer:
    """Create a command line without commands; it configures logging before each command.

    Args:
        about: what the package does, for the help.
    """
    # Rich would join the lines of the list of variables.
    app = typer.Typer(
        help=about,
        epilog="The help of each command lists the environment variables that it reads.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
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
    epilog = "\n\n".join(_variable_paragraphs((logs.LogSettings, *settings)))
    app.command(epilog=epilog)(one_line_errors()(command))


def _variable_paragraphs(classes: tuple[type[Settings], ...]) -> Iterator[str]:
    by_heading: dict[str, dict[str, Variable]] = {}
    for settings in classes:
        variables = {each.name: each for each in settings.variables()}
        by_heading.setdefault(settings.help_heading, {}).update(variables)
    for heading, variables in by_heading.items():
        lines = [
            line
            for each in variables.values()
            for line in (f"  {each.name} ({each.default})", f"      {each.description}")
        ]
        # \b keeps the line breaks of a paragraph.
        yield "\n".join(["\b", f"{heading}:", *lines])


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(version(DISTRIBUTION))
        raise typer.Exit
