"""Random sources with few names and round times, so that edge cases coincide."""

from hypothesis import strategies as st

from tests.support.rollup import rows

SESSIONS = ("s1", "s2", "s3")
_sessions = st.sampled_from(SESSIONS)
_pupils = st.sampled_from(("p1_a", "p1_b", "raw"))
_groups = st.sampled_from(("g1", "g2", "g3"))
_teachers = st.sampled_from(("t1", "t1", "t2", "system", ""))
_schools = st.sampled_from((None, "", "A", "A", "A", "B"))
# Mostly near the hour, at its limits and at those of the durations; sometimes far away.
_minutes = st.one_of(
    st.sampled_from((-720, -721, -240, -1, 0, 1, 30, 59, 60, 61, 300, 719, 720, 779, 780, 781)),
    st.integers(-90, 150),
    st.integers(-900, 900),
    st.integers(-9000, 9000).map(lambda tenths: tenths / 100),
)
_score = st.one_of(st.none(), st.integers(0, 10_000).map(lambda hundredths: hundredths / 100))
_created = st.one_of(st.none(), _minutes.map(rows.at))


@st.composite
def _events(draw):
    session, minutes = draw(_sessions), draw(_minutes)
    values = {
        "school_id": draw(_schools),
        "teacher_id": draw(_teachers),
        "created_at": draw(_created),
    }
    kinds = (
        "started",
        "started",
        "ended",
        "ended",
        "join",
        "leave",
        "join",
        "leave",
        "ready",
        "uses",
        "broken",
        "configured",
    )
    match draw(st.sampled_from(kinds)):
        case "join":
            return rows.event(
                session, "member_join", minutes, {draw(_field): draw(_pupils)}, **values
            )
        case "leave":
            return rows.event(
                session, "member_leave", minutes, {draw(_field): draw(_pupils)}, **values
            )
        case "ready":
            return rows.event(
                session, "leader_ready", minutes, {"groupId": draw(_groups)}, **values
            )
        case "uses":
            return rows.prompt_use(
                session,
                draw(_groups),
                minutes,
                draw(st.sampled_from(("use", "use", "dismiss"))),
                **values,
            )
        case "broken":
            kind = draw(st.sampled_from(("member_join", "leader_ready", "prompt_interaction")))
            return rows.event(
                session,
                kind,
                minutes,
                draw(st.sampled_from(('{"a":"O"Neil"}', "", "[]", "7"))),
                **values,
            )
        case kind:
            return rows.event(session, kind, minutes, **values)


_field = st.sampled_from(("studentId", "studentId", "userId", "groupId"))


@st.composite
def _session_metrics(draw):
    names = (
        "attention_score",
        "interaction_score",
        "on_topic_percentage",
        "average_connection_quality",
    )
    values = {name: draw(_score) for name in names}
    needed = {
        "overall_engagement_score": draw(st.integers(0, 100)),
        "participation_rate": draw(st.integers(0, 1)),
    }
    return rows.session_metrics(draw(_sessions), draw(_minutes), **values, **needed)


@st.composite
def _group_metrics(draw):
    session, present = draw(_sessions), draw(st.one_of(st.none(), st.integers(0, 5)))
    values = {"turn_taking_score": draw(_score), "members_present": present}
    return rows.group_metrics(session, f"{session} {draw(_groups)}", draw(_minutes), **values)


@st.composite
def _educational(draw):
    names = (
        "prompts_generated",
        "interventions",
        "alerts_generated",
        "ai_analyses_completed",
        "prompts_used",
    )
    name = draw(st.sampled_from((*names, "ai_processing_time_ms", "ai_success_rate")))
    session = draw(st.sampled_from((*SESSIONS, "system")))
    return rows.educational_metric(session, name, draw(_score), draw(_minutes))


@st.composite
def _rooms(draw):
    transcribed = draw(st.booleans())
    return rows.classroom_session(
        draw(_sessions), school_id=draw(_schools), transcription_enabled=transcribed
    )


@st.composite
def _logs(draw):
    severity = draw(st.sampled_from(("info", "error", "critical")))
    session = draw(st.one_of(st.none(), _sessions))
    return rows.system_event(severity, draw(_minutes), school_id=draw(_schools), session_id=session)


@st.composite
def _answers(draw):
    milliseconds = draw(st.one_of(st.none(), st.integers(0, 5000)))
    status = draw(st.one_of(st.none(), st.sampled_from((200, 404, 500, 503))))
    return rows.api_request(milliseconds, status, draw(_minutes), school_id=draw(_schools))


_groups_of_rooms = st.builds(rows.student_group, _sessions, _groups)


@st.composite
def random_sources(draw):
    """Rows of all sources; a source can be missing."""
    kinds = [
        (_events(), 25),
        (_session_metrics(), 4),
        (_group_metrics(), 4),
        (_educational(), 4),
        (_rooms(), 3),
    ]
    kinds += [(_groups_of_rooms, 5), (_logs(), 4), (_answers(), 4)]
    drawn = [draw(st.lists(kind, max_size=size)) for kind, size in kinds]
    return rows.sources(*drawn)
