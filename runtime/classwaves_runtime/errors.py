"""The root of all errors that this project raises on purpose.

ClassWavesError
├── classwaves_runtime.errors     SettingsError, ExtraMissing, InjectedFault
├── classwaves_warehouse.errors   …
├── classwaves_ingestor.errors    …
├── classwaves_rollup.errors      …
└── classwaves_analytics.errors   …
"""


class ClassWavesError(Exception):
    """An error that ClassWaves raises on purpose.

    Args:
        message: by default the docstring of the class.
    """

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class SettingsError(ClassWavesError):
    """A setting is missing or wrong."""


class ExtraMissing(ClassWavesError):
    """An extra of the package is not installed."""


class InjectedFault(ClassWavesError):
    """A fail point raised an error."""
