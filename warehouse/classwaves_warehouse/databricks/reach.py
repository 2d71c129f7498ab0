"""Which stretches of event_time a MERGE has to look at for repeats of its rows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

DAY = timedelta(hours=24)
"""How far apart the event times of an event and its repeat may be (G1)."""

_DAY_US = 86_400_000_000
_MOST = 4

Stretch = tuple[datetime, datetime]
"""First and last moment, both within."""


def reach(times_us: npt.NDArray[np.int64]) -> Sequence[Stretch]:
    """At most four stretches, ascending, that cover 24 h before and after each of these times.

    One absurd event_time makes a stretch of its own instead of one that spans the whole table.

    Args:
        times_us: at least one time, in microseconds since 1970 UTC.
    """
    times = np.unique(times_us)
    gaps = np.diff(times)
    widest = np.argsort(gaps)[::-1][: _MOST - 1]
    cuts = np.sort(widest[gaps[widest] > 2 * _DAY_US])
    firsts, lasts = np.append(times[:1], times[cuts + 1]), np.append(times[cuts], times[-1:])
    return [
        (_moment(first) - DAY, _moment(last) + DAY)
        for first, last in zip(firsts, lasts, strict=True)
    ]


def _moment(us: np.int64) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(us))
