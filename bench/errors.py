"""Errors of the benchmarks."""

from classwaves_runtime.errors import ClassWavesError


class BenchError(ClassWavesError):
    """A benchmark failed."""


class NoRealBroker(BenchError):
    """A benchmark on a mock broker is meaningless: install Java 17 and Maven, or name a broker."""


class CheckoutError(BenchError):
    """The folder is not a working copy of this project."""


class WrongResult(BenchError):
    """The measured work was not done completely, so its time is meaningless."""
