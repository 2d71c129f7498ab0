"""Which hours are due or overdue."""

from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.triggers.cron import CronTrigger

from classwaves_rollup.formulas import HOUR
from classwaves_rollup.hours import hour_of
from classwaves_rollup.run_log import RunLog, State, has_ended

GRACE: Final = timedelta(minutes=10)
"""An hour is overdue when it is not done this long after it was due."""

_DUE = CronTrigger(minute=5, timezone=UTC)
_SCANS = CronTrigger(second=0, timezone=UTC)


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
