"""The root of every error that this project raises on purpose.

ServiceError
├── service.errors     SettingsError, InjectedFault
├── warehouse.errors   …
├── ingestor.errors    …
├── rollup.errors      …
└── analytics.errors   …
"""


class ServiceError(Exception):
    """Something went wrong in the service."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or type(self).__doc__)


class SettingsError(ServiceError):
    """A setting is missing or wrong."""


class InjectedFault(ServiceError):
    """A fail point did what it was armed for."""
