"""How late hours are."""

from datetime import datetime, timedelta

from classwaves_rollup.formulas import HOUR
from classwaves_rollup.run import State
from classwaves_rollup.runs import Runs
from classwaves_rollup.schedule import newest_due

GRACE = timedelta(minutes=10)
"""An hour that is not done so long after it was due is late."""


def late_hours(runs: Runs, now: datetime) -> list[datetime]:
    """The hours that are not done and should be, oldest first.

    A dirty hour is not late if its last run has ended: it was done in its time, and is computed again soon.
    """
    newest = newest_due(now - GRACE)
    unended = (hour for hour in runs.in_state(State.DIRTY) if runs[hour].finished_at is None)
    waiting = [
        *runs.missing(newest_due(now)),
        *runs.in_state(State.RUNNING),
        *runs.in_state(State.FAILED),
        *unended,
    ]
    return sorted(hour for hour in waiting if hour <= newest)


def lag_seconds(runs: Runs, now: datetime) -> float:
    """Seconds since the end of the last complete hour; without one since the first that there should be."""
    through = runs.complete_through
    since = through + HOUR if through is not None else next(iter(runs), newest_due(now))
    return max((now - since).total_seconds(), 0.0)
