"""The rollup's sources, filled as reality fills them: for the demo, tests and benchmarks."""

from collections.abc import Mapping
from datetime import datetime

import numpy as np
import pyarrow as pa

from demo.sources.backend_tables import (
    api_metrics,
    classroom_sessions,
    educational_metrics,
    group_metrics,
    session_metrics,
    student_groups,
    system_events,
)
from demo.sources.events import session_events
from demo.sources.roster import Roster


def sources(
    seed: int,
    first: datetime,
    hours: int,
    schools: int,
    sessions: int,
    *,
    measured_groups: bool = False,
) -> Mapping[str, pa.Table]:
    """All sources by qualified name: a pure function of its arguments.

    About one session in four is no plain one: resumed, never ended, ended far too late or twice or
    without a start, or
    of a school that its events do not name or do not agree on. A session has about 85 events.

    Args:
        seed: the same seed is the same data, to the last id.
        first: aware; sessions begin from here on,
        hours: for so many hours, at an even pace.
        schools: how many; some have more than others.
        sessions: how many in all.
        measured_groups: whether group_metrics has rows. In the real catalog it never had.
    """
    rng = np.random.default_rng(seed)
    roster = Roster.draw(rng, first, hours, schools, sessions)
    tables = (
        session_events(rng, roster),
        session_metrics(rng, roster),
        group_metrics(rng, roster, measured_groups),
        educational_metrics(rng, roster),
        classroom_sessions(rng, roster),
        student_groups(roster),
        system_events(rng, roster, first, hours),
        api_metrics(rng, roster, first, hours),
    )
    return dict(tables)
