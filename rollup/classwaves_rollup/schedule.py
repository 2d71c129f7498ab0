"""When an hour is due, and when to look for what came late. All in UTC."""

from datetime import UTC, datetime

from apscheduler.triggers.cron import CronTrigger

from classwaves_rollup.formulas import HOUR

_HOURS = CronTrigger(minute=5, timezone=UTC)
_LOOKS = CronTrigger(second=0, timezone=UTC)


def hour_of(moment: datetime) -> datetime:
    """The start of the hour that holds a moment (aware)."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def newest_due(now: datetime) -> datetime:
    """The newest hour that is due: from minute 5 on the hour before."""
    return hour_of(_next(_HOURS, now)) - 2 * HOUR


def next_look(now: datetime) -> datetime:
    """The next moment at which there may be something to do."""
    return _next(_LOOKS, now)


def _next(trigger: CronTrigger, now: datetime) -> datetime:
    moment: datetime = trigger.get_next_fire_time(now, now)
    return moment.astimezone(UTC)
