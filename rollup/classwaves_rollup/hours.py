"""Hours that a moment or a user names. Hours are half-open intervals [H, H+1h) in UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

from classwaves_rollup.formulas import HOUR

_DATE_LENGTH: Final = len("2026-11-25")


def hour_of(moment: datetime) -> datetime:
    """The start of the hour that contains a moment (aware)."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def parse_hour(text: str) -> datetime:
    """The hour that a text names: 2026-11-25T10; minutes and seconds of 0 and a zone may follow.

    Raises:
        ValueError: the text does not name the start of an hour.
    """
    text = text.strip()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an hour: write 2026-11-25T10, in UTC") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if len(text) == _DATE_LENGTH or moment != hour_of(moment):
        raise ValueError(f"{text!r} is not the start of an hour: write 2026-11-25T10, in UTC")
    return moment


def parse_hours(first: str, last: str) -> list[datetime]:
    """The hours of a range, both ends included, oldest first.

    Args:
        first: an hour as for `parse_hour`, or a date, which means its first hour.
        last: an hour, or a date, which means its last hour.

    Raises:
        ValueError: one of them is neither, or `last` is before `first`.
    """
    start, end = _parse_edge(first, 0), _parse_edge(last, 23)
    if end < start:
        raise ValueError(f"{last!r} is before {first!r}")
    return [start + number * HOUR for number in range(int((end - start) / HOUR) + 1)]


def _parse_edge(text: str, hour_of_day: int) -> datetime:
    text = text.strip()
    if len(text) != _DATE_LENGTH:
        return parse_hour(text)
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(hours=hour_of_day)
    except ValueError:
        raise ValueError(f"{text!r} is not a date: write 2026-11-25") from None
