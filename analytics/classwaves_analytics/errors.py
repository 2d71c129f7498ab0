"""What can go wrong on the read side.

AnalyticsError
└── SessionUnknown   the table has no event of the session
"""

from classwaves_runtime.errors import ServiceError


class AnalyticsError(ServiceError):
    """The question cannot be answered."""


class SessionUnknown(AnalyticsError):
    """No event of the session is stored."""
