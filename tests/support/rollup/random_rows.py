"""Random rows of the rollup's sources around ten o'clock, to be added one list after the other."""

from hypothesis import strategies as st

from classwaves_schemas.tables import (
    CLASSROOM_SESSIONS,
    EDUCATIONAL_METRICS,
    GROUP_METRICS,
    SESSION_EVENTS,
    SESSION_METRICS,
    STUDENT_GROUPS,
    SYSTEM_EVENTS,
)
from tests.support.rollup.harness import at, event_row

sessions = st.sampled_from(["s1", "s2", "s3"])
schools = st.sampled_from([None, "", "school-1", "school-2"])
minutes = st.sampled_from(
    [-700, -65, -10, 0, 5, 30, 59, 60, 65, 110, 125, 200, 365, 500, 730, 845, 1000]
)
kinds = st.sampled_from(
    [
        "started",
        "started",
        "ended",
        "configured",
        "member_join",
        "member_leave",
        "leader_ready",
        "prompt_interaction",
    ]
)
PAYLOADS = {
    "member_join": '{"studentId": "p1_a"}',
    "member_leave": '{"userId": "p1_a"}',
    "leader_ready": '{"groupId": "g1"}',
    "prompt_interaction": '{"promptId": "q1", "action": "use"}',
}


@st.composite
def random_rows(draw):
    """A few rows of one source."""
    table = draw(
        st.sampled_from(
            [SESSION_EVENTS] * 4
            + [
                SESSION_METRICS,
                GROUP_METRICS,
                EDUCATIONAL_METRICS,
                CLASSROOM_SESSIONS,
                STUDENT_GROUPS,
                SYSTEM_EVENTS,
            ]
        )
    )
    return table, [draw(row(table)) for _ in range(draw(st.integers(1, 4)))]


@st.composite
def row(draw, table):
    session, moment, number = draw(sessions), draw(minutes), draw(st.integers(0, 99))
    if table is SESSION_EVENTS:
        kind = draw(kinds)
        written = at(moment + draw(st.sampled_from([0, 1, 1500])))
        return event_row(
            session,
            kind,
            moment,
            school_id=draw(schools),
            payload=PAYLOADS.get(kind, "{}"),
            created_at=written,
        )
    times = dict.fromkeys(("calculation_timestamp", "created_at", "updated_at"), at(moment))
    values = {
        SESSION_METRICS: {"overall_engagement_score": number, "session_id": session},
        GROUP_METRICS: {"turn_taking_score": number, "group_id": "g1", "session_id": session},
        EDUCATIONAL_METRICS: {
            "metric_name": "interventions",
            "metric_value": number,
            "session_id": session,
        },
        CLASSROOM_SESSIONS: {
            "school_id": draw(schools),
            "transcription_enabled": draw(st.sampled_from([None, True, False])),
        },
        STUDENT_GROUPS: {"id": "g1", "session_id": session},
        SYSTEM_EVENTS: {"severity": "error", "session_id": session, "school_id": draw(schools)},
    }[table]
    known = {name: value for name, value in times.items() if name in table.column_names}
    return {
        "id": session if table is CLASSROOM_SESSIONS else f"{session}-{moment}-{number}",
        **known,
        **values,
    }
