"""Hours as people write them, in UTC."""

from datetime import UTC, datetime, timedelta

from classwaves_rollup.formulas import HOUR

_DATE = len("2026-11-25")


def hour_given(text: str) -> datetime:
    """The hour that a text names: 2026-11-25T10, with minutes and seconds of 0 and Z if one likes.

    Raises:
        ValueError: it names none.
    """
    words = text.strip()
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        raise ValueError(f"{text!r} is no hour: write 2026-11-25T10, in UTC") from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if len(words) == _DATE or moment != moment.replace(minute=0, second=0, microsecond=0):
        raise ValueError(f"{text!r} is not the start of an hour: write 2026-11-25T10, in UTC")
    return moment


def hours_given(first: str, last: str) -> list[datetime]:
    """The hours from one to another, both included, oldest first. A date is its first or its last hour.

    Raises:
        ValueError: one names no hour, or the last is before the first.
    """
    start, end = _edge(first, 0), _edge(last, 23)
    if end < start:
        raise ValueError(f"{last!r} is before {first!r}")
    return [start + number * HOUR for number in range(int((end - start) / HOUR) + 1)]


def _edge(text: str, hour_of_day: int) -> datetime:
    words = text.strip()
    if len(words) != _DATE:
        return hour_given(words)
    try:
        return datetime.fromisoformat(words).replace(tzinfo=UTC) + timedelta(hours=hour_of_day)
    except ValueError:
        raise ValueError(f"{text!r} is no date: write 2026-11-25") from None
