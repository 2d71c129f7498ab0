"""Rows of the backend's own tables about sessions and their groups."""

import numpy as np
import pyarrow as pa

from classwaves_schemas.tables import CLASSROOM_SESSIONS, STUDENT_GROUPS
from demo.sources.columns import ids, table
from demo.sources.roster import GROUP, TEACHER, Roster


def classroom_sessions(rng: np.random.Generator, roster: Roster) -> tuple[str, pa.Table]:
    """The sessions that the backend knows; all look as if they were under way still, as its zombies do."""
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
