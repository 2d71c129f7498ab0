"""Starts a command and ends it: 0 fine, 1 the check or the work failed, 2 wrong use.

It needs no extra, so that a command can say which extra is missing.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Final

from classwaves_runtime.errors import ClassWavesError, ExtraMissing, SettingsError

ALLOCATORS: Final = {"ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Environment by which libraries choose their allocator. Arrow's own one, mimalloc, keeps what was
freed. `pyarrow.set_memory_pool` does not reach the readers of Parquet files."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn an error of ours into one line on stderr and an exit code.

    The code is 2 for settings and missing extras, and 1 for all other errors.
    """
    try:
        yield
    except ClassWavesError as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        wrong_use = isinstance(error, (SettingsError, ExtraMissing))
        raise SystemExit(2 if wrong_use else 1) from None


def run_command(command: str, module: str, extras: Sequence[str]) -> None:
    """Run the Typer application `app` of a module, with the allocators of long-lived processes.

    Processes that it starts have them too. A variable that an operator has set stays.

    Args:
        command: the name of the command, for the error message.
        module: imported here, because it needs the extras.
        extras: what the command needs besides the base install.
    """
    # Libraries read these variables when they are imported.
    os.environ |= ALLOCATORS | os.environ
    with one_line_errors():
        with needs_extras(command, extras):
            app = import_module(module).app
        app()


@contextmanager
def needs_extras(what: str, extras: Sequence[str]) -> Iterator[None]:
    """Replace the error of a missing third-party module.

    Args:
        what: needs the extras; the message begins with it.
        extras: to install.

    Raises:
        ExtraMissing: names the extras.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("classwaves_"):
            raise
        noun = "extra" if len(extras) == 1 else "extras"
        names = " and ".join(f"'{extra}'" for extra in extras)
        raise ExtraMissing(
            f"{what} needs the {noun} {names}: "
            f"pip install 'classwaves-ingestor[{','.join(extras)}]'"
        ) from error
