"""Generated rows of the backend's tables and logs."""

from datetime import datetime

import numpy as np
import pyarrow as pa

from classwaves_schemas.tables import (
    API_METRICS,
    CLASSROOM_SESSIONS,
    EDUCATIONAL_METRICS,
    GROUP_METRICS,
    SESSION_METRICS,
    STUDENT_GROUPS,
    SYSTEM_EVENTS,
)
from demo.sources.roster import (
    GROUP,
    MINUTE,
    ROW,
    SCHOOL,
    TEACHER,
    Ints,
    Roster,
    but_null,
    ids,
    scores,
    table,
)


def classroom_sessions(rng: np.random.Generator, roster: Roster) -> tuple[str, pa.Table]:
    """Return the sessions of the backend, all active, like sessions it never closed."""
    of = np.flatnonzero(~roster.unknown)
    return table(
        CLASSROOM_SESSIONS,
        len(of),
        {
            "id": roster.session_ids.take(of),
            "title": pa.repeat(pa.scalar("A lesson"), len(of)),
            "status": pa.repeat(pa.scalar("active"), len(of)),
            "teacher_id": ids(TEACHER, roster.teacher[of]),
            "school_id": roster.school_ids(of),
            "transcription_enabled": rng.uniform(size=len(of)) < 0.6,
            "total_groups": roster.groups[of],
            "created_at": roster.begins[of],
            "updated_at": roster.ends[of],
        },
    )


def student_groups(roster: Roster) -> tuple[str, pa.Table]:
    """The groups of all sessions."""
    of = np.repeat(np.arange(len(roster)), roster.groups)
    return table(
        STUDENT_GROUPS,
        len(of),
        {
            "id": ids(GROUP, np.arange(len(of))),
            "session_id": roster.session_ids.take(of),
            "group_number": np.arange(len(of)) - roster.first_group[of] + 1,
            "is_ready": np.ones(len(of), np.bool_),
        },
    )


_NAMES = {
    "prompts_generated": 40,
    "interventions": 5,
    "alerts_generated": 3,
    "ai_analyses_completed": 12,
    "ai_processing_time_ms": 2_000,
    "ai_success_rate": 100,
    "prompts_used": 20,
}
"""The largest value by name."""


def session_metrics(rng: np.random.Generator, roster: Roster) -> tuple[str, pa.Table]:
    """Zeros from when a session was set up, and for most a second row from its end."""
    measured = np.flatnonzero(rng.uniform(size=len(roster)) < 0.9)
    of = np.concatenate([np.arange(len(roster)), measured])
    zeros = np.arange(len(of)) < len(roster)
    participation = np.where(zeros, 0, scores(rng, len(of), 0, 1))
    at = np.where(zeros, roster.begins[of] - 5 * MINUTE, roster.ends[of] + MINUTE)

    def some(share: float) -> pa.Array:
        missing = zeros | (rng.uniform(size=len(of)) > share)
        return but_null(pa.array(scores(rng, len(of), 0, 100)), missing)

    return table(
        SESSION_METRICS,
        len(of),
        {
            "id": ids(ROW, np.arange(len(of))),
            "session_id": roster.session_ids.take(of),
            "calculation_timestamp": at,
            "total_students": roster.groups[of] * 5,
            "participation_rate": participation,
            "overall_engagement_score": participation * 100,
            "attention_score": some(0.6),
            "interaction_score": some(0.4),
            "on_topic_percentage": some(0.5),
            "average_connection_quality": some(0.7),
            "created_at": roster.begins[of] - 5 * MINUTE,
        },
    )


def group_metrics(rng: np.random.Generator, roster: Roster, measured: bool) -> tuple[str, pa.Table]:
    """A row for most groups, or for none."""
    groups = int(roster.groups.sum()) if measured else 0
    group = np.flatnonzero(rng.uniform(size=groups) < 0.8)
    of = np.repeat(np.arange(len(roster)), roster.groups)[group]
    present = but_null(pa.array(rng.integers(0, 6, len(group))), rng.uniform(size=len(group)) < 0.2)
    return table(
        GROUP_METRICS,
        len(group),
        {
            "id": ids(ROW, group),
            "group_id": ids(GROUP, group),
            "session_id": roster.session_ids.take(of),
            "calculation_timestamp": roster.ends[of] + MINUTE,
            "turn_taking_score": scores(rng, len(group), 0, 100),
            "members_present": present,
            "created_at": roster.ends[of],
        },
    )


def educational_metrics(rng: np.random.Generator, roster: Roster) -> tuple[str, pa.Table]:
    """Return each metric once for most sessions, and one row without a session."""
    of = np.repeat(np.arange(len(roster)), len(_NAMES))
    of = of[rng.uniform(size=len(of)) < 0.7]
    name = rng.integers(0, len(_NAMES), len(of))
    largest = np.array([*_NAMES.values()])[name]
    sessions = pa.concat_arrays([roster.session_ids.take(of), pa.array(["system"])])
    return table(
        EDUCATIONAL_METRICS,
        len(of) + 1,
        {
            "id": ids(ROW, np.arange(len(of) + 1)),
            "session_id": sessions,
            "metric_name": np.append(np.array([*_NAMES])[name], "prompts_generated"),
            "metric_value": np.append(np.round(rng.uniform(0, largest), 0), 1),
            "calculation_timestamp": np.append(roster.ends[of] + 2 * MINUTE, roster.begins[:1]),
            "created_at": np.append(roster.ends[of] + 2 * MINUTE, roster.begins[:1]),
        },
    )


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
