"""What can go wrong in the demo, apart from what it is there to show."""

from classwaves_runtime.errors import ClassWavesError


class DemoError(ClassWavesError):
    """The demo could not be carried through."""


class FolderNotEmpty(DemoError):
    """The folder of the demo holds something already."""


class TableInUse(DemoError):
    """The table that is to be filled holds somebody's events."""


class CommandFailed(DemoError):
    """A command of the project ended with an error."""


class ProcessDied(DemoError):
    """A process of the demo ended before it was told to."""


class NotDrained(DemoError):
    """The consumers did not reach the end of the topic in time."""
