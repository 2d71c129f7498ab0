"""Each fault of the backend's rollup, by its number in the list of them: it fails there, and does not here."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from classwaves_rollup import formulas
from classwaves_rollup.formulas import facts_statement, hourly_statement
from classwaves_rollup.rates import Rates
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, EDUCATIONAL_METRICS, SOURCES, TABLES
from tests.support.rollup.asking import homeless, hourly_of, rolled, several, totals_of
from tests.support.rollup.backend import backend
from tests.support.rollup.rows import (
    HOUR,
    answered,
    at,
    event,
    group,
    group_measured,
    joins,
    lesson,
    measured,
    metric,
    ready,
    room,
    sources,
)

SCHOOL = "school"
LESSON = lesson("s", 0, 60)
NEXT = HOUR + timedelta(hours=1)


def of_school(given, **options):
    return rolled(given, **options)[SCHOOL]


def test_bug_1_joins_of_several_rows_do_not_multiply_each_other():
    given = sources(
        LESSON,
        room("s", status="active", total_students=10, transcription_enabled=True),
        [
            group_measured("s", f"g{number}", 30, created_at=at(30), turn_taking_score=50)
            for number in range(3)
        ],
        [metric("s", "prompts_generated", 5, 1), metric("s", "alerts_generated", 1, 1)],
        [joins("s", f"p1_{number}", 1) for number in range(10)],
    )
    theirs, ours = backend(given)[SCHOOL], of_school(given)
    assert (theirs["students_active"], theirs["total_prompts_generated"]) == (60, 15)
    assert (ours["students_active"], ours["total_prompts_generated"]) == (10, 5)
    assert ours["total_transcription_minutes"] == 60


def test_bug_2_computing_again_gives_the_same_row_and_the_same_id():
    given = sources(LESSON)
    first, again = of_school(given), of_school(given)
    assert first == again
    assert first["id"] == "school_2025-09-15-09"


def test_bug_3_a_past_hour_is_computed_like_the_last_one():
    live = sources(room("s", status="active", updated_at=at(0)), LESSON[0])
    later = sources(
        room("s", status="archived", updated_at=at(9000)), LESSON[0], event("s", "ended", 90)
    )
    assert backend(live)[SCHOOL]["sessions_active"] == 1
    assert backend(later)[SCHOOL]["sessions_active"] == 0
    assert of_school(live)["sessions_active"] == of_school(later)["sessions_active"] == 1


def test_bug_4_no_statement_reads_a_clock():
    names = {table.qualified_name for table in SOURCES}
    for statement in (facts_statement(names), hourly_statement(), formulas.totals_statement()):
        assert not any(
            word in statement.lower() for word in ("current_", "now(", "getdate", "localtime")
        )
    given = sources(room("s", status="active"))
    assert (
        backend(given, at(119))[SCHOOL]["metric_hour"]
        != backend(given, at(120))[SCHOOL]["metric_hour"]
    )


def test_bug_5_a_session_counts_by_when_it_ran_and_not_by_what_it_is_now():
    within = sources(lesson("s", 5, 45), room("s", status="ended", updated_at=at(45)))
    after = sources(lesson("s", 63, 90), room("s", status="active", updated_at=at(63)))
    assert (
        backend(within)[SCHOOL]["sessions_active"],
        backend(after)[SCHOOL]["sessions_active"],
    ) == (0, 1)
    assert of_school(within)["sessions_active"] == 1
    assert not rolled(after)


@pytest.mark.parametrize("status", ["paused", "active", "ended", "created"])
def test_bug_6_no_status_is_asked_for_so_that_a_paused_session_counts(status):
    given = sources(LESSON, room("s", status=status, updated_at=at(-300)))
    assert of_school(given)["sessions_active"] == 1
    assert (SCHOOL in backend(given)) == (status == "active")


def test_bug_7_a_session_that_nobody_ended_does_not_count_for_ever():
    given = sources(
        event("s", "started", -300),
        room("s", status="active", actual_start=at(-300), updated_at=at(0)),
    )
    assert backend(given)[SCHOOL]["total_transcription_minutes"] == 300
    assert not rolled(given)
    assert of_school(given, hour=HOUR - timedelta(hours=2))["sessions_active"] == 1


def test_bug_8_minutes_are_those_of_the_hour():
    rooms = [
        room("s", actual_start=at(-90), updated_at=at(700), transcription_enabled=True),
        room("never started"),
    ]
    given = sources(lesson("s", -90, 20), rooms)
    assert backend(given)[SCHOOL]["total_transcription_minutes"] == 790 + 30
    assert of_school(given)["total_transcription_minutes"] == 20


def test_bug_9_measurements_count_where_the_session_ran_and_seeded_zeros_nowhere():
    seeded = measured("s", -90, created_at=at(-90))
    real = measured(
        "s", 65, created_at=at(-90), overall_engagement_score=80, participation_rate=0.8
    )
    given = sources(LESSON, room("s", status="active"), real)
    assert backend(given)[SCHOOL]["avg_engagement_score"] is None
    assert of_school(given)["avg_engagement_score"] == 80
    assert of_school(sources(LESSON, seeded))["avg_engagement_score"] is None


def test_bug_10_pupils_are_those_who_came_each_once():
    given = sources(
        [*LESSON, *lesson("t", 10, 30)],
        [
            room("s", status="active", total_students=30),
            room("t", status="active", total_students=30),
        ],
        [joins("s", "p1_a", 1), joins("t", "p1_a", 12), joins("s", "p1_b", 1)],
    )
    assert backend(given)[SCHOOL]["students_active"] == 60
    assert of_school(given)["students_active"] == 2


def test_bug_11_groups_count_without_metrics_and_are_ready_by_what_was_said_until_then():
    given = sources(
        LESSON,
        room("s", status="active"),
        [group("s", "g1", is_ready=True), group("s", "g2", is_ready=True)],
        [ready("s", "g1", -2), ready("s", "g2", 75)],
    )
    assert backend(given)[SCHOOL]["total_groups"] == 0
    assert (of_school(given)["total_groups"], of_school(given)["ready_groups"]) == (2, 1)


def test_bug_12_nothing_is_invented():
    given = sources(LESSON, room("s", status="active", transcription_enabled=True))
    theirs, ours = backend(given)[SCHOOL], of_school(given)
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


def test_bug_13_different_columns_say_different_things():
    values = {
        "overall_engagement_score": 80,
        "attention_score": 40,
        "average_connection_quality": 70,
    }
    given = sources(
        LESSON, room("s", status="active"), measured("s", 30, created_at=at(1), **values)
    )
    theirs, ours = backend(given)[SCHOOL], of_school(given)
    assert theirs["avg_session_quality"] == theirs["avg_engagement_score"]
    assert theirs["avg_audio_quality"] == theirs["avg_connection_stability"]
    assert (ours["avg_session_quality"], ours["avg_engagement_score"]) == (40, 80)
    assert (ours["avg_audio_quality"], ours["avg_connection_stability"]) == (None, 70)


def test_bug_14_an_error_rate_is_in_percent():
    given = sources(answered(10, 200, 1), answered(10, 503, 2), room("s", status="active"))
    assert backend(given)[SCHOOL]["error_rate"] < 1
    assert of_school(given)["error_rate"] == 50


def test_bug_15_an_idle_hour_does_not_drag_means_down():
    given = sources(LESSON, measured("s", 30, overall_engagement_score=80), answered(10, 200, 90))
    facts = several(given, [HOUR, NEXT])
    assert [row["avg_engagement_score"] for row in hourly_of(facts, NEXT)] == [None]
    assert totals_of(facts, HOUR, NEXT + timedelta(hours=1))[SCHOOL]["avg_engagement_score"] == 80


def test_bug_16_a_session_without_school_costs_no_other_its_row():
    given = sources(
        LESSON, lesson("lost", 0, 30, school_id=None), room("lost", school_id=None, status="active")
    )
    assert None in backend(given)
    assert set(rolled(given)) == {SCHOOL}
    assert homeless(given) == 2


def test_bug_17_the_first_instant_of_the_next_hour_is_of_the_next_hour():
    given = sources(lesson("s", 60, 90), room("s", status="active", created_at=at(60)))
    assert SCHOOL in backend(given)
    assert not rolled(given)
    assert of_school(given, hour=NEXT)["sessions_active"] == 1


def test_bug_18_what_arrives_late_counts_when_the_hour_is_computed_again():
    in_time = sources(LESSON[0])
    late = sources(
        LESSON[0],
        event("s", "ended", 20, created_at=at(5000)),
        measured("s", 5000, attention_score=50),
    )
    assert of_school(in_time)["sessions_completed"] == 0
    again = of_school(late)
    assert (again["sessions_completed"], again["avg_session_quality"]) == (1, 50)
    assert again["calculated_at"] == at(5000)


def test_bug_19_no_source_is_written_to_and_a_marker_in_one_is_no_fact():
    assert EDUCATIONAL_METRICS not in TABLES
    given = sources(LESSON, metric("system", "prompts_generated", 1, 5), room("system"))
    assert of_school(given)["total_prompts_generated"] is None


def test_bug_20_computing_an_hour_neither_optimises_nor_deletes():
    for statement in (facts_statement(()), hourly_statement()):
        assert statement.startswith("WITH ")
        words = statement.upper().split()
        assert not {"OPTIMIZE", "DELETE", "INSERT", "ZORDER"}.intersection(words)


def test_bug_21_sums_beyond_six_digits_are_exact_and_rounded_not_cut():
    rows = [metric("s", "ai_processing_time_ms", 999_999.9999, 1) for _ in range(3)]
    prompts = [metric("s", "prompts_generated", value, 1) for value in (999_999.5, 999_999.25)]
    absurd = [metric("s", "alerts_generated", 999_999, 1) for _ in range(2_200)]
    ours = of_school(sources(LESSON, rows, prompts, absurd))
    assert ours["avg_ai_processing_time"] == pytest.approx(999_999.9999)
    assert ours["total_prompts_generated"] == 1_999_999
    assert ours["total_alerts"] is None


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_bug_22_an_hour_and_its_name_are_utc_wherever_the_warehouse_is(zone):
    given = sources(LESSON, room("s", status="active"))
    assert backend(given, zone=zone)[SCHOOL]["id"] != "school_2025-09-15-09"
    hour = HOUR.astimezone(ZoneInfo(zone))
    assert of_school(given, hour=hour)["id"] == "school_2025-09-15-09"
    assert of_school(given, hour=hour)["metric_hour"] == HOUR


def test_bug_23_events_are_what_the_hour_is_made_of():
    given = sources(LESSON, joins("s", "p1_a", 2))
    assert not backend(given)
    ours = of_school(given)
    assert (ours["sessions_active"], ours["sessions_completed"], ours["students_active"]) == (
        1,
        0,
        1,
    )
    assert list(ours) == list(DASHBOARD_METRICS_HOURLY.column_names)
