"""The numbered bugs of the backend's rollup: each test shows the bug there and its absence here."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from classwaves_rollup import formulas
from classwaves_rollup.formulas import Rates, facts_statement, hourly_statement
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, EDUCATIONAL_METRICS, SOURCES, TABLES
from tests.support.rollup.backend import backend_rows
from tests.support.rollup.rows import (
    HOUR,
    api_request,
    at,
    classroom_session,
    educational_metric,
    event,
    group_metrics,
    leader_ready,
    member_join,
    session_metrics,
    sources,
    student_group,
    whole_session,
)
from tests.support.rollup.statements import (
    compute_facts_of_hours,
    compute_hourly,
    compute_rows,
    compute_totals,
    count_events_without_school,
)

SCHOOL = "school"
SESSION = whole_session("s", 0, 60)
NEXT = HOUR + timedelta(hours=1)


def of_school(given, **options):
    return compute_rows(given, **options)[SCHOOL]


def test_bug_1_joins_of_several_rows_do_not_multiply_each_other():
    given = sources(
        SESSION,
        classroom_session("s", status="active", total_students=10, transcription_enabled=True),
        [
            group_metrics("s", f"g{number}", 30, created_at=at(30), turn_taking_score=50)
            for number in range(3)
        ],
        [
            educational_metric("s", "prompts_generated", 5, 1),
            educational_metric("s", "alerts_generated", 1, 1),
        ],
        [member_join("s", f"p1_{number}", 1) for number in range(10)],
    )
    theirs, ours = backend_rows(given)[SCHOOL], of_school(given)
    assert (theirs["students_active"], theirs["total_prompts_generated"]) == (60, 15)
    assert (ours["students_active"], ours["total_prompts_generated"]) == (10, 5)
    assert ours["total_transcription_minutes"] == 60


def test_bug_2_computing_again_gives_the_same_row_and_the_same_id():
    given = sources(SESSION)
    first, again = of_school(given), of_school(given)
    assert first == again
    assert first["id"] == "school_2025-09-15-09"


def test_bug_3_a_past_hour_is_computed_like_the_last_one():
    live = sources(classroom_session("s", status="active", updated_at=at(0)), SESSION[0])
    later = sources(
        classroom_session("s", status="archived", updated_at=at(9000)),
        SESSION[0],
        event("s", "ended", 90),
    )
    assert backend_rows(live)[SCHOOL]["sessions_active"] == 1
    assert backend_rows(later)[SCHOOL]["sessions_active"] == 0
    assert of_school(live)["sessions_active"] == of_school(later)["sessions_active"] == 1


def test_bug_4_no_statement_reads_a_clock():
    names = {table.qualified_name for table in SOURCES}
    for statement in (facts_statement(names), hourly_statement(), formulas.totals_statement()):
        assert not any(
            word in statement.lower() for word in ("current_", "now(", "getdate", "localtime")
        )
    given = sources(classroom_session("s", status="active"))
    assert (
        backend_rows(given, at(119))[SCHOOL]["metric_hour"]
        != backend_rows(given, at(120))[SCHOOL]["metric_hour"]
    )


def test_bug_5_a_session_counts_when_it_was_active_whatever_its_status_is_now():
    within = sources(
        whole_session("s", 5, 45), classroom_session("s", status="ended", updated_at=at(45))
    )
    after = sources(
        whole_session("s", 63, 90), classroom_session("s", status="active", updated_at=at(63))
    )
    assert (
        backend_rows(within)[SCHOOL]["sessions_active"],
        backend_rows(after)[SCHOOL]["sessions_active"],
    ) == (0, 1)
    assert of_school(within)["sessions_active"] == 1
    assert not compute_rows(after)


@pytest.mark.parametrize("status", ["paused", "active", "ended", "created"])
def test_bug_6_a_paused_session_counts_because_no_status_is_read(status):
    given = sources(SESSION, classroom_session("s", status=status, updated_at=at(-300)))
    assert of_school(given)["sessions_active"] == 1
    assert (SCHOOL in backend_rows(given)) == (status == "active")


def test_bug_7_a_session_without_an_end_does_not_count_for_ever():
    given = sources(
        event("s", "started", -300),
        classroom_session("s", status="active", actual_start=at(-300), updated_at=at(0)),
    )
    assert backend_rows(given)[SCHOOL]["total_transcription_minutes"] == 300
    assert not compute_rows(given)
    assert of_school(given, hour=HOUR - timedelta(hours=2))["sessions_active"] == 1


def test_bug_8_minutes_are_those_of_the_hour():
    rooms = [
        classroom_session(
            "s", actual_start=at(-90), updated_at=at(700), transcription_enabled=True
        ),
        classroom_session("never started"),
    ]
    given = sources(whole_session("s", -90, 20), rooms)
    assert backend_rows(given)[SCHOOL]["total_transcription_minutes"] == 790 + 30
    assert of_school(given)["total_transcription_minutes"] == 20


def test_bug_9_metrics_count_while_the_session_is_active_and_initial_zeros_never():
    seeded = session_metrics("s", -90, created_at=at(-90))
    real = session_metrics(
        "s", 65, created_at=at(-90), overall_engagement_score=80, participation_rate=0.8
    )
    given = sources(SESSION, classroom_session("s", status="active"), real)
    assert backend_rows(given)[SCHOOL]["avg_engagement_score"] is None
    assert of_school(given)["avg_engagement_score"] == 80
    assert of_school(sources(SESSION, seeded))["avg_engagement_score"] is None


def test_bug_10_each_pupil_who_joined_counts_once():
    given = sources(
        [*SESSION, *whole_session("t", 10, 30)],
        [
            classroom_session("s", status="active", total_students=30),
            classroom_session("t", status="active", total_students=30),
        ],
        [member_join("s", "p1_a", 1), member_join("t", "p1_a", 12), member_join("s", "p1_b", 1)],
    )
    assert backend_rows(given)[SCHOOL]["students_active"] == 60
    assert of_school(given)["students_active"] == 2


def test_bug_11_groups_count_without_metrics_and_are_ready_by_the_events_until_then():
    given = sources(
        SESSION,
        classroom_session("s", status="active"),
        [student_group("s", "g1", is_ready=True), student_group("s", "g2", is_ready=True)],
        [leader_ready("s", "g1", -2), leader_ready("s", "g2", 75)],
    )
    assert backend_rows(given)[SCHOOL]["total_groups"] == 0
    assert (of_school(given)["total_groups"], of_school(given)["ready_groups"]) == (2, 1)


def test_bug_12_unknown_values_are_null():
    given = sources(SESSION, classroom_session("s", status="active", transcription_enabled=True))
    theirs, ours = backend_rows(given)[SCHOOL], of_school(given)
    invented = (
        "avg_audio_quality",
        "avg_connection_stability",
        "avg_response_time",
        "avg_latency_ms",
    )
    invented += ("websocket_connections", "error_rate", "ai_analysis_success_rate")
    assert None not in [theirs[name] for name in invented]
    estimates = ("total_storage_gb", "estimated_compute_cost")
    assert {ours[name] for name in (*invented, *estimates)} == {None}
    rated = of_school(given, rates=Rates(cost_per_minute=0.02))
    assert rated["estimated_compute_cost"] == pytest.approx(1.2)
    assert rated["calculation_method"] == "facts; cost 0.02/min"


def test_bug_13_different_columns_have_different_sources():
    values = {
        "overall_engagement_score": 80,
        "attention_score": 40,
        "average_connection_quality": 70,
    }
    given = sources(
        SESSION,
        classroom_session("s", status="active"),
        session_metrics("s", 30, created_at=at(1), **values),
    )
    theirs, ours = backend_rows(given)[SCHOOL], of_school(given)
    assert theirs["avg_session_quality"] == theirs["avg_engagement_score"]
    assert theirs["avg_audio_quality"] == theirs["avg_connection_stability"]
    assert (ours["avg_session_quality"], ours["avg_engagement_score"]) == (40, 80)
    assert (ours["avg_audio_quality"], ours["avg_connection_stability"]) == (None, 70)


def test_bug_14_an_error_rate_is_in_percent():
    given = sources(
        api_request(10, 200, 1), api_request(10, 503, 2), classroom_session("s", status="active")
    )
    assert backend_rows(given)[SCHOOL]["error_rate"] < 1
    assert of_school(given)["error_rate"] == 50


def test_bug_15_an_idle_hour_does_not_lower_means():
    given = sources(
        SESSION, session_metrics("s", 30, overall_engagement_score=80), api_request(10, 200, 90)
    )
    facts = compute_facts_of_hours(given, [HOUR, NEXT])
    assert [row["avg_engagement_score"] for row in compute_hourly(facts, NEXT)] == [None]
    assert (
        compute_totals(facts, HOUR, NEXT + timedelta(hours=1))[SCHOOL]["avg_engagement_score"] == 80
    )


def test_bug_16_a_session_without_a_school_does_not_affect_other_schools():
    given = sources(
        SESSION,
        whole_session("lost", 0, 30, school_id=None),
        classroom_session("lost", school_id=None, status="active"),
    )
    assert None in backend_rows(given)
    assert set(compute_rows(given)) == {SCHOOL}
    assert count_events_without_school(given) == 2


def test_bug_17_the_end_of_an_hour_belongs_to_the_next_hour():
    given = sources(
        whole_session("s", 60, 90), classroom_session("s", status="active", created_at=at(60))
    )
    assert SCHOOL in backend_rows(given)
    assert not compute_rows(given)
    assert of_school(given, hour=NEXT)["sessions_active"] == 1


def test_bug_18_late_data_counts_when_the_hour_is_recomputed():
    in_time = sources(SESSION[0])
    late = sources(
        SESSION[0],
        event("s", "ended", 20, created_at=at(5000)),
        session_metrics("s", 5000, attention_score=50),
    )
    assert of_school(in_time)["sessions_completed"] == 0
    again = of_school(late)
    assert (again["sessions_completed"], again["avg_session_quality"]) == (1, 50)
    assert again["calculated_at"] == at(5000)


def test_bug_19_no_source_is_written_and_a_system_row_is_not_a_fact():
    assert EDUCATIONAL_METRICS not in TABLES
    given = sources(
        SESSION,
        educational_metric("system", "prompts_generated", 1, 5),
        classroom_session("system"),
    )
    assert of_school(given)["total_prompts_generated"] is None


def test_bug_20_computing_an_hour_neither_optimises_nor_deletes():
    for statement in (facts_statement(()), hourly_statement()):
        assert statement.startswith("WITH ")
        words = statement.upper().split()
        assert not {"OPTIMIZE", "DELETE", "INSERT", "ZORDER"}.intersection(words)


def test_bug_21_sums_beyond_six_digits_are_exact_and_rounded_not_truncated():
    rows = [educational_metric("s", "ai_processing_time_ms", 999_999.9999, 1) for _ in range(3)]
    prompts = [
        educational_metric("s", "prompts_generated", value, 1) for value in (999_999.5, 999_999.25)
    ]
    absurd = [educational_metric("s", "alerts_generated", 999_999, 1) for _ in range(2_200)]
    ours = of_school(sources(SESSION, rows, prompts, absurd))
    assert ours["avg_ai_processing_time"] == pytest.approx(999_999.9999)
    assert ours["total_prompts_generated"] == 1_999_999
    assert ours["total_alerts"] is None


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_bug_22_an_hour_and_its_id_are_in_utc_whatever_the_time_zone_of_the_warehouse(zone):
    given = sources(SESSION, classroom_session("s", status="active"))
    assert backend_rows(given, zone=zone)[SCHOOL]["id"] != "school_2025-09-15-09"
    hour = HOUR.astimezone(ZoneInfo(zone))
    assert of_school(given, hour=hour)["id"] == "school_2025-09-15-09"
    assert of_school(given, hour=hour)["metric_hour"] == HOUR


def test_bug_23_an_hour_is_computed_from_events():
    given = sources(SESSION, member_join("s", "p1_a", 2))
    assert not backend_rows(given)
    ours = of_school(given)
    assert (ours["sessions_active"], ours["sessions_completed"], ours["students_active"]) == (
        1,
        0,
        1,
    )
    assert list(ours) == list(DASHBOARD_METRICS_HOURLY.column_names)
