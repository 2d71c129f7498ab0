"""Small hours with results by hand. Columns that a case does not name are not compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from classwaves_rollup.formulas import Rates
from tests.support.rollup.rows import (
    Sources,
    api_request,
    at,
    classroom_session,
    educational_metric,
    event,
    group_metrics,
    leader_ready,
    member_join,
    member_leave,
    prompt_use,
    session_metrics,
    sources,
    student_group,
    system_event,
    whole_session,
)

NO_RATES = Rates()


@dataclass(frozen=True)
class Case:
    """The sources of an hour, and the expected rows.

    Args:
        name: of the case.
        given: its sources, for the hour from 9:00.
        expected: school → column → value; other schools must have no row.
        without_school: number of the hour's events without a school.
        rates: of the estimates.
    """

    name: str
    given: Sources
    expected: Mapping[str, Mapping[str, Any]]
    without_school: int = 0
    rates: Rates = NO_RATES


_ALL_NULL = dict.fromkeys(
    [
        "students_active",
        "total_groups",
        "ready_groups",
        "avg_session_quality",
        "avg_engagement_score",
        "avg_participation_rate",
        "avg_collaboration_score",
        "avg_audio_quality",
        "avg_connection_stability",
        "total_errors",
        "avg_response_time",
        "websocket_connections",
        "avg_latency_ms",
        "error_rate",
        "total_prompts_generated",
        "total_interventions",
        "total_alerts",
        "ai_analyses_completed",
        "avg_ai_processing_time",
        "ai_analysis_success_rate",
        "total_transcription_minutes",
        "total_storage_gb",
        "estimated_compute_cost",
    ]
)

CASES = (
    Case(
        "a session with a start and an end, and no other source",
        sources(whole_session("s", -10, 20)),
        {
            "school": {
                "id": "school_2025-09-15-09",
                "metric_hour": at(0),
                "sessions_active": 1,
                "sessions_completed": 1,
                "teachers_active": 1,
                "total_prompts_used": 0,
                "data_sources_count": 1,
                "calculation_method": "facts",
                "calculated_at": at(21),
                "created_at": at(60),
                **_ALL_NULL,
            }
        },
    ),
    Case(
        "an hour without events",
        sources(whole_session("s", 60, 90), whole_session("t", -90, 0 - 1)),
        {},
    ),
    Case(
        "a session that ends when the hour starts is completed in the hour but not active",
        sources(whole_session("s", -30, 0)),
        {"school": {"sessions_active": 0, "sessions_completed": 1, "teachers_active": 0}},
    ),
    Case(
        "minutes are clipped to the hour; configured rates give estimates and are named",
        sources(
            whole_session("before", -30, 15),
            whole_session("after", 50, 100),
            whole_session("throughout", -100, 100),
        ),
        {
            "school": {
                "sessions_active": 3,
                "total_storage_gb": 0.085,
                "estimated_compute_cost": 1.7,
                "calculation_method": "facts; storage 0.001 GB/min; cost 0.02/min",
            }
        },
        rates=Rates(0.001, 0.02),
    ),
    Case(
        "a resume leaves no gap; an end between two starts leaves one",
        sources(
            [
                event("resumed", "started", 0),
                event("resumed", "started", 30),
                event("resumed", "ended", 40),
            ],
            [
                *whole_session("paused", 0, 10, school_id="other"),
                *whole_session("paused", 30, 40, school_id="other"),
            ],
        ),
        {
            "school": {"estimated_compute_cost": 40.0, "sessions_completed": 1},
            "other": {"estimated_compute_cost": 20.0, "sessions_completed": 1},
        },
        rates=Rates(cost_per_minute=1.0),
    ),
    Case(
        "a session without an end counts for four hours",
        sources(event("within", "started", -180), event("over", "started", -240)),
        {"school": {"sessions_active": 1, "estimated_compute_cost": 60.0}},
        rates=Rates(cost_per_minute=1.0),
    ),
    Case(
        "an end within twelve hours ends the session, a later one only completes it",
        sources(whole_session("long", -660, 60), whole_session("tidied", -690, 31)),
        {"school": {"sessions_active": 1, "sessions_completed": 1, "estimated_compute_cost": 60.0}},
        rates=Rates(cost_per_minute=1.0),
    ),
    Case(
        "a repeated end and an end without a start",
        sources(
            [*whole_session("twice", -90, -5), event("twice", "ended", 5)],
            event("never begun", "ended", 10, school_id="other"),
        ),
        {"other": {"sessions_active": 0, "sessions_completed": 1, "teachers_active": 0}},
    ),
    Case(
        "teachers count once, and the system is not a teacher",
        sources(
            whole_session("a", 0, 30),
            whole_session("b", 10, 40),
            whole_session("c", 0, 5, teacher_id="system"),
        ),
        {"school": {"sessions_active": 3, "teachers_active": 1}},
    ),
    Case(
        "pupils: left before the hour, left in it, joined again, has no pseudonym",
        sources(
            whole_session("s", -60, 60),
            whole_session("t", -60, 60),
            [member_join("s", "p1_gone", -50), member_leave("s", "p1_gone", -1)],
            [member_join("s", "p1_leaving", -50), member_leave("s", "p1_leaving", 0)],
            [
                member_join("s", "p1_back", -50),
                member_leave("s", "p1_back", -20),
                member_join("s", "p1_back", -10),
            ],
            [
                member_join("s", "p1_twice", 5),
                member_join("t", "p1_twice", 6),
                member_join("s", "p1_twice", 7),
            ],
            [
                member_join("s", "p1_later", 60),
                member_join("s", "a name", 10),
                event("s", "member_join", 11, '{"a":"O"Neil"}'),
            ],
        ),
        {"school": {"students_active": 3, "sessions_active": 2}},
    ),
    Case(
        "groups and those of them that were ready",
        sources(
            whole_session("s", -60, 60),
            [student_group("s", "g1"), student_group("s", "g2"), student_group("over", "g3")],
            [
                leader_ready("s", "g1", -61),
                leader_ready("s", "g1", 3),
                leader_ready("s", "g2", 60),
                leader_ready("s", "unheard of", 4),
            ],
        ),
        {"school": {"total_groups": 2, "ready_groups": 1, "data_sources_count": 2}},
    ),
    Case(
        "a prompt that is used twice was used once",
        sources(
            whole_session("s", 0, 60),
            [prompt_use("s", "p", 1), prompt_use("s", "p", 2), prompt_use("s", "q", 3, "dismiss")],
        ),
        {"school": {"total_prompts_used": 1}},
    ),
    Case(
        "the latest metrics of a session since its start, weighted by its minutes",
        sources(
            [
                *whole_session("long", 0, 45),
                *whole_session("short", 0, 15),
                *whole_session("unmeasured", 0, 60),
            ],
            [
                session_metrics("long", 20, overall_engagement_score=10),
                session_metrics("unmeasured", -5),
            ],
            session_metrics(
                "long", 100, overall_engagement_score=80, participation_rate=0.5, attention_score=60
            ),
            session_metrics(
                "short",
                15,
                overall_engagement_score=40,
                participation_rate=0.9,
                attention_score=70,
                on_topic_percentage=90,
                average_connection_quality=50,
            ),
        ),
        {
            "school": {
                "avg_engagement_score": 70.0,
                "avg_participation_rate": 0.6,
                "avg_session_quality": 65.0,
                "avg_connection_stability": 50.0,
                "avg_audio_quality": None,
                "calculated_at": at(100),
            }
        },
    ),
    Case(
        "groups are weighted by their members",
        sources(
            whole_session("s", 0, 60),
            group_metrics("s", "g1", 30, turn_taking_score=90, members_present=3),
            group_metrics("s", "g2", 30, turn_taking_score=50),
        ),
        {"school": {"avg_collaboration_score": 80.0, "total_groups": None}},
    ),
    Case(
        "educational metrics are summed or averaged, also of sessions that have ended",
        sources(
            classroom_session("over"),
            [
                educational_metric("over", "prompts_generated", 5, 0),
                educational_metric("over", "prompts_generated", 7, 59.9),
            ],
            [
                educational_metric("over", "alerts_generated", 2, 1),
                educational_metric("over", "interventions", 1, 1),
            ],
            [
                educational_metric("over", "ai_processing_time_ms", 100, 1),
                educational_metric("over", "ai_processing_time_ms", 200, 1),
            ],
            [
                educational_metric("over", "prompts_generated", 9, 60),
                educational_metric("system", "prompts_generated", 9, 5),
            ],
            [
                educational_metric("over", "ai_analyses_completed", 3, 2),
                educational_metric("over", "ai_success_rate", 50, 2),
            ],
        ),
        {
            "school": {
                "sessions_active": 0,
                "total_prompts_generated": 12,
                "total_prompts_used": None,
                "total_alerts": 2,
                "total_interventions": 1,
                "ai_analyses_completed": 3,
                "avg_ai_processing_time": 150.0,
                "ai_analysis_success_rate": 50.0,
                "data_sources_count": 1,
            }
        },
    ),
    Case(
        "transcribed minutes; zero if no session is transcribed",
        sources(
            [*whole_session("yes", 0, 30), *whole_session("no", 0, 60)],
            [classroom_session("yes", transcription_enabled=True), classroom_session("no")],
            [
                *whole_session("silent", 0, 60, school_id="other"),
                classroom_session("silent", school_id="other"),
            ],
        ),
        {
            "school": {"total_transcription_minutes": 30.0},
            "other": {"total_transcription_minutes": 0.0},
        },
    ),
    Case(
        "logs: errors of a school and of a session's school; answers and failures of the API",
        sources(
            [
                classroom_session("s"),
                system_event("error", 1, session_id="s"),
                system_event("critical", 2, school_id="school"),
            ],
            [
                system_event("info", 3, school_id="quiet"),
                system_event("error", 4),
                system_event("error", 60, school_id="school"),
            ],
            [
                api_request(100, 200, 5),
                api_request(200, 500, 6),
                api_request(None, 404, 7),
                api_request(300, None, 8),
            ],
            api_request(1, 500, 9, school_id=None),
        ),
        {
            "school": {
                "total_errors": 2,
                "avg_response_time": 200.0,
                "error_rate": 100 / 3,
                "data_sources_count": 2,
            },
            "quiet": {
                "total_errors": 0,
                "avg_response_time": None,
                "error_rate": None,
                "total_prompts_used": None,
            },
        },
    ),
    Case(
        "schools: from events, the least of several, else from classroom_sessions, else none",
        sources(
            [
                event("disputed", "started", 0, school_id="b"),
                event("disputed", "ended", 30, school_id="a"),
            ],
            [
                *whole_session("unnamed", 0, 30, school_id=None),
                classroom_session("unnamed", school_id="c"),
            ],
            [
                *whole_session("nowhere", 0, 30, school_id=None),
                member_join("nowhere", "p1_x", 1, school_id=""),
            ],
        ),
        {
            "a": {"sessions_active": 1, "sessions_completed": 1},
            "c": {"sessions_active": 1, "data_sources_count": 2},
        },
        without_school=3,
    ),
)


def combine(cases: Sequence[Case]) -> tuple[Sources, dict[str, Mapping[str, Any]], int]:
    """All cases in one hour. Schools and sessions are prefixed with the number of their case."""
    given: Sources = {}
    expected: dict[str, Mapping[str, Any]] = {}
    for number, case in enumerate(cases):
        for table, rows in case.given.items():
            names = {"session_id", "school_id"} | (
                {"id"} if table == "sessions.classroom_sessions" else set()
            )
            given.setdefault(table, []).extend(
                {
                    column: f"{number}.{value}"
                    if column in names and value not in (None, "", "system")
                    else value
                    for column, value in row.items()
                }
                for row in rows
            )
        for school, columns in case.expected.items():
            prefixed = {
                name: f"{number}.{value}" if name == "id" else value
                for name, value in columns.items()
            }
            expected[f"{number}.{school}"] = prefixed
    return given, expected, sum(case.without_school for case in cases)
