"""Whatever comes late: every hour that a look leaves alone is what computing it again would give."""

from collections import Counter

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from classwaves_rollup.formulas import facts_statement, window, without_school_statement
from classwaves_rollup.run import Run, State
from classwaves_schemas.tables import (
    CLASSROOM_SESSIONS,
    EDUCATIONAL_METRICS,
    GROUP_METRICS,
    ROLLUP_FACTS_HOURLY,
    SESSION_EVENTS,
    SESSION_METRICS,
    SOURCES,
    STUDENT_GROUPS,
    SYSTEM_EVENTS,
)
from tests.support.school import HOUR, TEN, School, at, told
from tests.support.sources import fill

HOURS = [TEN + number * HOUR for number in (-1, 0, 1, 2, 6, 14)]

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
def sources(draw):
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
        return told(
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


def computed(snapshot, hour):
    """What an hour comes to now: its facts, and its events without a school."""
    present = snapshot.versions
    facts = snapshot.query(facts_statement(present), window(hour)).to_pylist()
    homeless = snapshot.query(without_school_statement(present), window(hour))[
        "events_without_school"
    ][0].as_py()
    return Counter(map(str, facts)), facts, homeless


def settle(school, hours):
    """Let these hours be done from the sources as they are; what each comes to."""
    made = {}
    runs = school.runs
    with school.hour_run.hours.snapshot(SOURCES) as snapshot:
        versions = dict(snapshot.versions)
        for hour in hours:
            made[hour], facts, homeless = computed(snapshot, hour)
            fill(school.warehouse, ROLLUP_FACTS_HOURLY, facts)
            run = Run(
                hour,
                f"{hour} {versions}",
                State.DONE,
                source_versions=versions,
                events_without_school=homeless,
            )
            school.hour_run.hours.upsert_run(run.row(), runs[hour].run_id if hour in runs else None)
            made[hour] = (made[hour], homeless)
    return made


def tell(school, given):
    """Add rows to several sources, one after the other."""
    for table, rows in given:
        school.tell(*rows, table=table)


def hold(school, before, dirty):
    """See that all hours but the dirty ones are what they were; whether each has changed."""
    changed = {}
    with school.hour_run.hours.snapshot(SOURCES) as snapshot:
        for hour in HOURS:
            now, _, homeless = computed(snapshot, hour)
            changed[hour] = before[hour] != (now, homeless)
            assert not changed[hour] or hour in dirty, (
                f"{hour} is not what it was, and nobody noticed"
            )
    return changed


def test_the_hours_that_a_look_leaves_alone_are_right():
    found = Counter()

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(sources(), min_size=1, max_size=4), st.lists(sources(), min_size=1, max_size=2))
    def holds(early, late):
        school = School()
        tell(school, early)
        before = settle(school, HOURS)
        tell(school, late)
        dirty = set(school.dirty())
        for hour, changed in hold(school, before, dirty).items():
            found["changed" if changed else "spared" if hour not in dirty else "in vain"] += 1
        event(f"{len(dirty)} hours dirty")

    holds()
    # A look that marks everything would be right too, and worth nothing.
    assert found["spared"] > found["in vain"]


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(sources(), min_size=1, max_size=3), st.lists(sources(), min_size=1, max_size=3))
def test_hours_that_were_being_computed_during_a_look_are_looked_at_once_they_are_done(early, late):
    school = School()
    tell(school, early)
    before = settle(school, HOURS)
    done, upsert = school.runs, school.hour_run.hours.upsert_run
    for hour in HOURS:
        upsert(Run(hour, f"theirs of {hour}", State.RUNNING).row(), done[hour].run_id)
    tell(school, late)
    assert school.dirty() == []
    for hour in HOURS:
        upsert(done[hour].row(), f"theirs of {hour}")
    hold(school, before, set(school.dirty()))
