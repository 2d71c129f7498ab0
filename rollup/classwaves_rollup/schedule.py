"""Which hours are due, overdue or named by a user.

Hours are half-open intervals [H, H+1h) in UTC.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from classwaves_rollup.formulas import HOUR
from classwaves_rollup.run_log import RunLog, State, has_ended

GRACE: Final = timedelta(minutes=10)
"""An hour is overdue when it is not done this long after it was due."""

_DUE = CronTrigger(minute=5, timezone=UTC)
_SCANS = CronTrigger(second=0, timezone=UTC)
_DATE_LENGTH = len("2026-11-25")


def hour_of(moment: datetime) -> datetime:
    """The start of the hour that contains a moment (aware)."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def newest_due(now: datetime) -> datetime:
    """The newest hour that is due. An hour is due at minute 5 of the next hour."""
    # The next firing makes the hour before it due; the newest due hour is one earlier.
    return hour_of(_next(_DUE, now)) - 2 * HOUR


def next_scan(now: datetime) -> datetime:
    """The next time at which the worker scans: the next full minute."""
    return _next(_SCANS, now)


def _next(trigger: CronTrigger, now: datetime) -> datetime:
    # Passing now as the previous firing gives the first one strictly after now.
    moment: datetime = trigger.get_next_fire_time(now, now)
    return moment.astimezone(UTC)


def overdue_hours(run_log: RunLog, now: datetime) -> list[datetime]:
    """The hours that should be done and are not, oldest first.

    A dirty hour is not overdue if its last run finished after its end: the hour was done in time,
    and a worker recomputes it soon.
    """
    newest = newest_due(now - GRACE)
    unfinished = (
        hour
        for hour in run_log.in_state(State.DIRTY)
        if (finished_at := run_log[hour].finished_at) is None or not has_ended(hour, finished_at)
    )
    waiting = [
        *run_log.missing(newest_due(now)),
        *run_log.in_state(State.RUNNING),
        *run_log.in_state(State.FAILED),
        *unfinished,
    ]
    return sorted(hour for hour in waiting if hour <= newest)


def lag_seconds(run_log: RunLog, now: datetime) -> float:
    """Seconds since the end of `last_complete_hour`; without one, since the first expected hour."""
    complete = run_log.last_complete_hour
    since = complete + HOUR if complete is not None else next(iter(run_log), newest_due(now))
    return max((now - since).total_seconds(), 0.0)


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
