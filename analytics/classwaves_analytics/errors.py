"""Errors of the read side.

AnalyticsError
└── SessionUnknown   session_events has no event of the session
"""

from classwaves_runtime.errors import ClassWavesError


class AnalyticsError(ClassWavesError):
    """The query failed."""


class SessionUnknown(AnalyticsError):
    """session_events has no event of the session."""
