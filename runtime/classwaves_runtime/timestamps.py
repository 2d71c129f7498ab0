"""The text form of timestamps."""

from datetime import UTC, datetime


def format_timestamp(moment: datetime, *, exact: bool = False) -> str:
    """A time as ISO 8601 in UTC with milliseconds, for example 2026-11-25T10:00:00.000Z.

    Args:
        moment: aware.
        exact: write microseconds if the time has any, instead of cutting them off.
    """
    precision = "microseconds" if exact and moment.microsecond % 1000 else "milliseconds"
    return moment.astimezone(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
