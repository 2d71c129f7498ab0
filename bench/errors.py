"""What can keep a benchmark from giving a figure."""

from classwaves_runtime.errors import ClassWavesError


class BenchError(ClassWavesError):
    """A benchmark could not be carried through."""


class NoRealBroker(BenchError):
    """A figure from a mock broker says nothing: install Java 17 and Maven, or name a broker."""


class WrongResult(BenchError):
    """What was measured did not do its work, so its time means nothing."""
