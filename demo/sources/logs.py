"""Rows of the backend's logs."""

from datetime import datetime

import numpy as np
import pyarrow as pa

from classwaves_schemas.tables import API_METRICS, SYSTEM_EVENTS
from demo.sources.columns import MINUTE, Ints, but_null, ids, table
from demo.sources.roster import ROW, SCHOOL, Roster

_SEVERITIES = np.array(["info", "info", "info", "warning", "error", "critical"])
_STATUSES = np.array([200, 200, 200, 200, 201, 304, 404, 409, 500, 503])


def system_events(
    rng: np.random.Generator, roster: Roster, first: datetime, hours: int
) -> tuple[str, pa.Table]:
    """Two a session: some name the school, some only the session, some neither."""
    rows = 2 * len(roster)
    of = rng.integers(0, len(roster), rows)
    draw = rng.uniform(size=rows)
    return table(
        SYSTEM_EVENTS,
        rows,
        {
            "id": ids(ROW, np.arange(rows) // 2),
            "severity": _SEVERITIES[rng.integers(0, len(_SEVERITIES), rows)],
            "school_id": but_null(roster.school_ids(of), draw > 0.6),
            "session_id": but_null(roster.session_ids.take(of), draw > 0.9),
            "created_at": _times(rng, first, hours, rows),
        },
    )


def api_metrics(
    rng: np.random.Generator, roster: Roster, first: datetime, hours: int
) -> tuple[str, pa.Table]:
    """Ten a session; some belong to no school."""
    rows = 10 * len(roster)
    schools = ids(SCHOOL, roster.school[rng.integers(0, len(roster), rows)])
    return table(
        API_METRICS,
        rows,
        {
            "id": ids(ROW, np.arange(rows)),
            "response_time_ms": rng.gamma(2, 60, rows).astype(np.int32),
            "status_code": but_null(
                pa.array(_STATUSES[rng.integers(0, 10, rows)]), rng.uniform(size=rows) < 0.01
            ),
            "school_id": but_null(schools, rng.uniform(size=rows) < 0.05),
            "timestamp": _times(rng, first, hours, rows),
        },
    )


def _times(rng: np.random.Generator, first: datetime, hours: int, rows: int) -> Ints:
    times: Ints = int(first.timestamp()) * 1_000_000 + rng.integers(0, hours * 60 * MINUTE, rows)
    return times
