"""Small hours, computed by hand. A case's columns that are not named are not looked at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from classwaves_rollup.rates import Rates
from tests.support.rollup.rows import (
    Sources,
    answered,
    at,
    event,
    group,
    group_measured,
    joins,
    leaves,
    lesson,
    logged,
    measured,
    metric,
    ready,
    room,
    sources,
    uses,
)

NO_RATES = Rates()


@dataclass(frozen=True)
class Case:
    """An hour's sources, and what is expected by school.

    Args:
        name: what it shows.
        given: from 9:00 on.
        expected: columns by school; schools that are not here must have no row.
        homeless: events of the hour without a school.
    """

    name: str
    given: Sources
    expected: Mapping[str, Mapping[str, Any]]
    homeless: int = 0
    rates: Rates = NO_RATES


_NOTHING = dict.fromkeys(
    (
        *(
            "students_active",
            "total_groups",
            "ready_groups",
            "avg_session_quality",
            "avg_engagement_score",
        ),
        *(
            "avg_participation_rate",
            "avg_collaboration_score",
            "avg_audio_quality",
            "avg_connection_stability",
        ),
        *(
            "total_errors",
            "avg_response_time",
            "websocket_connections",
            "avg_latency_ms",
            "error_rate",
        ),
        *(
            "total_prompts_generated",
            "total_interventions",
            "total_alerts",
            "ai_analyses_completed",
        ),
        *(
            "avg_ai_processing_time",
            "ai_analysis_success_rate",
            "total_transcription_minutes",
            "total_storage_gb",
        ),
        "estimated_compute_cost",
    )
)

CASES = (
    Case(
        "a session of known start and end, and nothing else known",
        sources(lesson("s", -10, 20)),
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
                **_NOTHING,
            }
        },
    ),
    Case("an hour without anything", sources(lesson("s", 60, 90), lesson("t", -90, 0 - 1)), {}),
    Case(
        "a session that ends as the hour begins is over, but another that ends then is completed in it",
        sources(lesson("s", -30, 0)),
        {"school": {"sessions_active": 0, "sessions_completed": 1, "teachers_active": 0}},
    ),
    Case(
        "minutes are clipped to the hour, estimates made of configured rates and named",
        sources(
            lesson("before", -30, 15), lesson("after", 50, 100), lesson("throughout", -100, 100)
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
        "a resume goes on without a hole, an end between two starts makes one",
        sources(
            [
                event("resumed", "started", 0),
                event("resumed", "started", 30),
                event("resumed", "ended", 40),
            ],
            [
                *lesson("paused", 0, 10, school_id="other"),
                *lesson("paused", 30, 40, school_id="other"),
            ],
        ),
        {
            "school": {"estimated_compute_cost": 40.0, "sessions_completed": 1},
            "other": {"estimated_compute_cost": 20.0, "sessions_completed": 1},
        },
        rates=Rates(cost_per_minute=1.0),
    ),
    Case(
        "a session that nobody ended counts for four hours",
        sources(event("within", "started", -180), event("over", "started", -240)),
        {"school": {"sessions_active": 1, "estimated_compute_cost": 60.0}},
        rates=Rates(cost_per_minute=1.0),
    ),
    Case(
        "an end within twelve hours is believed, a later one only completes",
        sources(lesson("long", -660, 60), lesson("tidied", -690, 31)),
        {"school": {"sessions_active": 1, "sessions_completed": 1, "estimated_compute_cost": 60.0}},
        rates=Rates(cost_per_minute=1.0),
    ),
    Case(
        "a repeated end and an end without a start",
        sources(
            [*lesson("twice", -90, -5), event("twice", "ended", 5)],
            event("never begun", "ended", 10, school_id="other"),
        ),
        {"other": {"sessions_active": 0, "sessions_completed": 1, "teachers_active": 0}},
    ),
    Case(
        "teachers are counted once, and the system is none",
        sources(lesson("a", 0, 30), lesson("b", 10, 40), lesson("c", 0, 5, teacher_id="system")),
        {"school": {"sessions_active": 3, "teachers_active": 1}},
    ),
    Case(
        "pupils: who came before and left before, who left in the hour, who came again, who has no pseudonym",
        sources(
            lesson("s", -60, 60),
            lesson("t", -60, 60),
            [joins("s", "p1_gone", -50), leaves("s", "p1_gone", -1)],
            [joins("s", "p1_leaving", -50), leaves("s", "p1_leaving", 0)],
            [joins("s", "p1_back", -50), leaves("s", "p1_back", -20), joins("s", "p1_back", -10)],
            [joins("s", "p1_twice", 5), joins("t", "p1_twice", 6), joins("s", "p1_twice", 7)],
            [
                joins("s", "p1_later", 60),
                joins("s", "a name", 10),
                event("s", "member_join", 11, '{"a":"O"Neil"}'),
            ],
        ),
        {"school": {"students_active": 3, "sessions_active": 2}},
    ),
    Case(
        "groups and those of them that were ready",
        sources(
            lesson("s", -60, 60),
            [group("s", "g1"), group("s", "g2"), group("over", "g3")],
            [
                ready("s", "g1", -61),
                ready("s", "g1", 3),
                ready("s", "g2", 60),
                ready("s", "unheard of", 4),
            ],
        ),
        {"school": {"total_groups": 2, "ready_groups": 1, "data_sources_count": 2}},
    ),
    Case(
        "a prompt that is used twice was used once",
        sources(
            lesson("s", 0, 60), [uses("s", "p", 1), uses("s", "p", 2), uses("s", "q", 3, "dismiss")]
        ),
        {"school": {"total_prompts_used": 1}},
    ),
    Case(
        "the latest measurement of a session, weighted by its minutes; zeros from before the start are none",
        sources(
            [*lesson("long", 0, 45), *lesson("short", 0, 15), *lesson("unmeasured", 0, 60)],
            [measured("long", 20, overall_engagement_score=10), measured("unmeasured", -5)],
            measured(
                "long", 100, overall_engagement_score=80, participation_rate=0.5, attention_score=60
            ),
            measured(
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
            lesson("s", 0, 60),
            group_measured("s", "g1", 30, turn_taking_score=90, members_present=3),
            group_measured("s", "g2", 30, turn_taking_score=50),
        ),
        {"school": {"avg_collaboration_score": 80.0, "total_groups": None}},
    ),
    Case(
        "educational metrics are added up or averaged, of sessions that are over too",
        sources(
            room("over"),
            [
                metric("over", "prompts_generated", 5, 0),
                metric("over", "prompts_generated", 7, 59.9),
            ],
            [metric("over", "alerts_generated", 2, 1), metric("over", "interventions", 1, 1)],
            [
                metric("over", "ai_processing_time_ms", 100, 1),
                metric("over", "ai_processing_time_ms", 200, 1),
            ],
            [
                metric("over", "prompts_generated", 9, 60),
                metric("system", "prompts_generated", 9, 5),
            ],
            [
                metric("over", "ai_analyses_completed", 3, 2),
                metric("over", "ai_success_rate", 50, 2),
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
        "transcribed minutes; zero where none is transcribed",
        sources(
            [*lesson("yes", 0, 30), *lesson("no", 0, 60)],
            [room("yes", transcription_enabled=True), room("no")],
            [*lesson("silent", 0, 60, school_id="other"), room("silent", school_id="other")],
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
                room("s"),
                logged("error", 1, session_id="s"),
                logged("critical", 2, school_id="school"),
            ],
            [
                logged("info", 3, school_id="quiet"),
                logged("error", 4),
                logged("error", 60, school_id="school"),
            ],
            [
                answered(100, 200, 5),
                answered(200, 500, 6),
                answered(None, 404, 7),
                answered(300, None, 8),
            ],
            answered(1, 500, 9, school_id=None),
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
        "schools: from envelopes, the least if they disagree, else from the room, else none",
        sources(
            [
                event("disputed", "started", 0, school_id="b"),
                event("disputed", "ended", 30, school_id="a"),
            ],
            [*lesson("unnamed", 0, 30, school_id=None), room("unnamed", school_id="c")],
            [*lesson("nowhere", 0, 30, school_id=None), joins("nowhere", "p1_x", 1, school_id="")],
        ),
        {
            "a": {"sessions_active": 1, "sessions_completed": 1},
            "c": {"sessions_active": 1, "data_sources_count": 2},
        },
        homeless=3,
    ),
)


def together(cases: Sequence[Case]) -> tuple[Sources, dict[str, Mapping[str, Any]], int]:
    """All cases in one hour: schools and sessions are given the case's number, so that none meets another's."""
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
    return given, expected, sum(case.homeless for case in cases)
