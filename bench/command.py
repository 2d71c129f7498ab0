"""How every benchmark starts: options from the command line or the environment, errors in one line.

Options are the parameters of the benchmark's main function, as typer reads them.
"""

from collections.abc import Callable

import typer

from classwaves_runtime.entry_point import one_line_errors


def run_benchmark(main: Callable[..., None]) -> None:
    """Run a benchmark and end the process: 0 done, 1 failed, 2 wrong use, 130 interrupted."""
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(main)
    with one_line_errors():
        app()
