"""Errors of the demo."""

from classwaves_runtime.errors import ClassWavesError


class DemoError(ClassWavesError):
    """The demo failed."""


class FolderNotEmpty(DemoError):
    """The folder of the demo is not empty."""


class TableInUse(DemoError):
    """The table already holds events."""


class CommandFailed(DemoError):
    """A command of the project ended with an error."""


class ProcessDied(DemoError):
    """A process of the demo ended unexpectedly."""


class NotDrained(DemoError):
    """The topic was not drained in time."""
