"""How a command ends: 0 fine, 1 the check or the work failed, 2 wrong use."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from classwaves_runtime.errors import ServiceError, SettingsError


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Make an error of ours one line on stderr and an exit: 2 for settings, 1 for all others."""
    try:
        yield
    except ServiceError as error:
        sys.stderr.write(f"{' '.join(str(error).split())}\n")
        raise SystemExit(2 if isinstance(error, SettingsError) else 1) from None
