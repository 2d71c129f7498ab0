from dataclasses import replace
from datetime import timedelta
from unittest.mock import Mock

import pyarrow as pa
import pytest

from classwaves_rollup import repair
from classwaves_rollup.changes import REACH_HOURS
from classwaves_rollup.run import Run, State
from classwaves_rollup.taking_over import PATIENCE_SECONDS
from classwaves_schemas.tables import (
    API_METRICS,
    CLASSROOM_SESSIONS,
    EDUCATIONAL_METRICS,
    ROLLUP_FACTS_HOURLY,
    SESSION_METRICS,
    SOURCES,
    STUDENT_GROUPS,
    SYSTEM_EVENTS,
)
from classwaves_warehouse.errors import VersionGone, WarehouseUnavailable
from classwaves_warehouse.memory_hours import MemorySnapshot
from tests.support.school import HOUR, TEN, School, at, told
from tests.support.sources import fill

NINE, ELEVEN, TWELVE = TEN - HOUR, TEN + HOUR, TEN + 2 * HOUR


@pytest.fixture
def school():
    """Hours from nine to twelve are done: s1 was under way from 10:50 to 11:20, its facts say so."""
    school = School(now=TEN + 4 * HOUR)
    school.tell(told("s1", "started", 50), told("s1", "ended", 80))
    facts = [fact(TEN, "session", 10), fact(ELEVEN, "session", 20)]
    fill(school.warehouse, ROLLUP_FACTS_HOURLY, facts)
    settle(school, NINE, TEN, ELEVEN, TWELVE)
    return school


def fact(hour, kind, amount, session="s1"):
    columns = {
        "source": "session_events",
        "fact": kind,
        "entity_id": session,
        "amount": float(amount),
    }
    return {"metric_hour": hour, "school_id": "school-1", **columns}


def settle(school, *hours):
    """Let hours be done from the sources as they are, without computing them."""
    with school.hour_run.hours.snapshot(SOURCES) as snapshot:
        versions = dict(snapshot.versions)
    runs = school.runs
    for hour in hours:
        before = runs.get(hour)
        run = Run(
            hour, f"run of {hour} {versions}", State.DONE, complete=True, source_versions=versions
        )
        school.hour_run.hours.upsert_run(run.row(), before and before.run_id)


def test_nothing_new_makes_nothing_dirty(school):
    assert school.dirty() == []
    assert school.dirty() == []


@pytest.mark.parametrize(
    ("late", "dirty"),
    [
        (told("s1", "member_join", 55), [TEN, ELEVEN]),
        (told("s1", "member_join", 70), [ELEVEN]),
        (told("s1", "ended", 55), [TEN, ELEVEN]),
        (told("s1", "ended", 90), [ELEVEN]),
        (told("s1", "ended", 150), [TWELVE]),
        (told("s1", "started", -20), [NINE, TEN, ELEVEN]),
        (told("s2", "configured", 5), [TEN]),
        (told("s2", "started", 130), [TWELVE]),
        (told("s2", "started", 30), [TEN, ELEVEN, TWELVE]),
        (told("s2", "ended", 61), [ELEVEN]),
        (told("s2", "started", 200), []),
        (told("s1", "started", 900), []),
    ],
    ids=lambda value: value["id"] if isinstance(value, dict) else "",
)
def test_an_event_makes_the_hours_dirty_in_which_its_session_has_a_part(school, late, dirty):
    school.tell(late)
    assert school.dirty() == dirty
    assert school.runs.in_state(State.DIRTY) == dirty[::-1]


def test_a_session_that_ends_in_time_leaves_the_hours_alone_that_saw_it_go_on(school):
    school.tell(told("s2", "started", 40))
    fill(
        school.warehouse,
        ROLLUP_FACTS_HOURLY,
        [fact(TEN, "session", 20, "s2"), fact(ELEVEN, "session", 60, "s2")],
    )
    settle(school, NINE, TEN, ELEVEN)
    school.tell(told("s2", "ended", 130))
    assert school.dirty() == [TWELVE]


def test_an_end_that_comes_long_after_the_zombie_cut_off_makes_the_hours_between_dirty(school):
    school.tell(told("s2", "started", -310))
    settle(school, NINE, TEN, ELEVEN, TWELVE)
    school.tell(told("s2", "ended", 130))
    assert school.dirty() == [NINE, TEN, ELEVEN, TWELVE]


def test_an_end_that_is_the_first_to_name_the_school_makes_all_hours_of_its_session_dirty(school):
    school.tell(
        told("s2", "started", 40, school_id=None), told("s2", "configured", -10, school_id=None)
    )
    settle(school, NINE, TEN, ELEVEN, TWELVE)
    school.tell(told("s2", "ended", 130))
    assert school.dirty() == [NINE, TEN, ELEVEN, TWELVE]


def test_an_end_after_hours_whose_facts_name_another_school_makes_them_dirty(school):
    school.tell(told("s2", "started", 40))
    facts = [fact(TEN, "session", 20, "s2"), fact(ELEVEN, "session", 60, "s2")]
    fill(
        school.warehouse, ROLLUP_FACTS_HOURLY, [{**each, "school_id": "school-0"} for each in facts]
    )
    settle(school, NINE, TEN, ELEVEN, TWELVE)
    school.tell(told("s2", "ended", 130))
    assert school.dirty() == [TEN, ELEVEN, TWELVE]


def test_an_end_that_names_a_school_gives_one_to_logs_before(school):
    log = {"id": "l1", "severity": "error", "session_id": "s2", "created_at": at(-10)}
    school.tell(log, table=SYSTEM_EVENTS)
    settle(school, NINE, TEN, ELEVEN, TWELVE)
    school.tell(told("s2", "ended", 70))
    assert school.dirty() == [NINE, ELEVEN]


def test_an_event_of_the_hour_that_is_not_due_yet_touches_no_hour_before(school):
    settle(school, NINE, TEN, ELEVEN, TWELVE)
    school.tell(told("s1", "member_leave", 190), told("s9", "started", 185))
    assert school.dirty() == []


def test_a_row_of_metrics_makes_the_hours_of_its_session_dirty(school):
    school.tell(
        {"session_id": "s1", "calculation_timestamp": at(85), "created_at": at(40)},
        table=SESSION_METRICS,
    )
    assert school.dirty() == [TEN, ELEVEN]


def test_a_group_makes_the_hours_of_its_session_dirty_even_without_a_time(school):
    school.tell({"id": "g1", "session_id": "s1"}, {"id": "g2"}, table=STUDENT_GROUPS)
    assert school.dirty() == [TEN, ELEVEN]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (EDUCATIONAL_METRICS, "calculation_timestamp"),
        (SYSTEM_EVENTS, "created_at"),
        (API_METRICS, "timestamp"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_log_makes_its_own_hour_dirty(school, table, column):
    school.tell({"id": "l1", column: at(130)}, table=table)
    assert school.dirty() == [TWELVE]


def admitted(**columns):
    return {
        "id": "s1",
        "school_id": "school-1",
        "created_at": at(0),
        "updated_at": at(90),
        **columns,
    }


def test_a_session_that_is_transcribed_after_all_makes_its_hours_dirty(school):
    school.tell(admitted(transcription_enabled=True), table=CLASSROOM_SESSIONS)
    assert school.dirty() == [TEN, ELEVEN]


def test_a_row_of_a_session_that_says_what_the_facts_say_touches_nothing(school):
    school.tell(admitted(transcription_enabled=None), table=CLASSROOM_SESSIONS)
    assert school.dirty() == []


def test_a_session_whose_events_name_no_school_may_get_one_by_its_row(school):
    school.tell(told("s3", "started", 10, school_id=None), told("s3", "ended", 20, school_id=""))
    settle(school, *school.dirty())
    school.tell(admitted(id="s3"), table=CLASSROOM_SESSIONS)
    assert school.dirty() == [TEN]


def test_a_session_without_any_event_may_get_a_school_for_its_logs(school):
    school.tell({"id": "l1", "session_id": "s4", "created_at": at(130)}, table=SYSTEM_EVENTS)
    settle(school, *school.dirty())
    school.tell(admitted(id="s4"), table=CLASSROOM_SESSIONS)
    assert school.dirty() == [TWELVE]


def test_a_row_far_from_its_sessions_time_is_taken_to_be_about_another_time(school):
    school.tell(
        admitted(transcription_enabled=True, updated_at=at(90) + timedelta(days=30)),
        table=CLASSROOM_SESSIONS,
    )
    assert school.dirty() == []


def test_a_group_that_was_planned_long_before_its_lesson_makes_the_newest_hours_dirty(school):
    planned = dict.fromkeys(("created_at", "updated_at"), at(-67 * 60))
    school.tell({"id": "g1", "session_id": "s1", **planned}, table=STUDENT_GROUPS)
    assert school.dirty() == [TEN, ELEVEN]


def test_what_was_planned_long_before_and_comes_long_after_its_lesson_is_not_looked_for(school):
    settle(school, ELEVEN + (REACH_HOURS + 1) * HOUR)
    planned = dict.fromkeys(("created_at", "updated_at"), at(-67 * 60))
    school.tell({"id": "g1", "session_id": "s1", **planned}, table=STUDENT_GROUPS)
    assert school.dirty() == []


def test_of_hours_read_at_many_versions_only_those_that_something_new_can_touch_cost_a_reading(
    school, monkeypatch
):
    for number in range(5):
        school.tell(told("s9", "configured", 5000 + number))
        settle(school, TEN - (100 + number) * HOUR)
    school.tell(told("s1", "member_join", 70))
    settle(school, TWELVE)
    school.tell(told("s1", "member_join", 71))
    hours, read = school.hour_run.hours, []
    added = hours.added
    monkeypatch.setattr(
        hours,
        "added",
        lambda table, since, columns: read.append(since) or added(table, since, columns),
    )
    assert school.dirty() == [ELEVEN]
    assert read == [1, 7]


def test_a_row_that_is_again_what_it_was_touches_the_hours_that_read_it_meanwhile(school):
    row = admitted(transcription_enabled=True)
    school.tell(row, table=CLASSROOM_SESSIONS)
    facts = [fact(TEN, "transcription", 10), fact(ELEVEN, "transcription", 0)]
    fill(school.warehouse, ROLLUP_FACTS_HOURLY, facts)
    settle(school, NINE, TEN, TWELVE)
    versions = school.warehouse.shelf._versions[CLASSROOM_SESSIONS]
    other = pa.Table.from_pylist([{**row, "transcription_enabled": False}], versions[0].schema)
    versions.append(other)
    settle(school, ELEVEN)
    versions.append(versions[0])
    assert school.dirty() == [ELEVEN]


def test_an_hour_that_has_read_the_change_stays_done(school):
    school.tell(told("s1", "member_join", 55))
    settle(school, TEN)
    assert school.dirty() == [ELEVEN]


def test_an_hour_that_is_dirty_or_failed_is_not_marked_again(school):
    school.tell(told("s1", "member_join", 55))
    before = school.dirty()
    school.tell(told("s1", "member_join", 56))
    assert (before, school.dirty()) == ([TEN, ELEVEN], [])


@pytest.fixture
def running(school):
    """The same, but somebody runs the hour from ten."""
    running = Run(TEN, "theirs", State.RUNNING)
    school.hour_run.hours.upsert_run(running.row(), school.runs[TEN].run_id)
    return running


def test_an_hour_that_somebody_runs_is_left_to_them_and_looked_at_once_they_are_done(
    school, running
):
    versions = {"analytics.session_events": 1}
    school.tell(told("s1", "member_join", 55))
    assert school.dirty() == [ELEVEN]
    assert school.look.examined == {}
    school.hour_run.hours.upsert_run(
        replace(running, state=State.DONE, source_versions=versions).row(), "theirs"
    )
    assert school.dirty() == [TEN]
    assert school.look.examined["analytics.session_events"] == 2


def test_an_hour_that_was_read_after_the_change_by_the_run_that_was_left_alone_stays_done(
    school, running
):
    school.tell(told("s1", "member_join", 55))
    assert school.dirty() == [ELEVEN]
    settle(school, TEN)
    assert school.dirty() == []


def test_the_position_of_all_hours_moves_on_with_that_of_the_hours_that_somebody_runs(
    school, running
):
    school.dirty()
    settle(school, TEN)
    school.tell(told("s1", "member_join", 130))
    school.dirty()
    school.hour_run.hours.upsert_run(running.row(), school.runs[TEN].run_id)
    school.tell(told("s1", "member_join", 131))
    school.dirty()
    assert school.look.examined["analytics.session_events"] == 2


def test_an_hour_that_somebody_has_run_for_too_long_is_taken_from_them_without_reading_what_they_may_have_read(
    school, running, monkeypatch
):
    asked = []
    query = MemorySnapshot.query
    monkeypatch.setattr(
        MemorySnapshot, "query", lambda *given: asked.append(given[1]) or query(*given)
    )
    school.dirty()
    school.clock.advance(PATIENCE_SECONDS)
    assert school.dirty() == [TEN]
    assert school.runs[TEN].run_id != "theirs"
    assert [sql for sql in asked if "FROM session_events" in sql] == []


def test_the_position_is_kept_with_the_next_run_and_found_by_the_next_process(school):
    school.tell(told("s1", "member_join", 55))
    assert school.dirty() == [TEN, ELEVEN]
    runs = school.runs
    school.hour_run.compute(TEN, runs[TEN], school.look.examined)
    assert school.runs.examined == school.look.examined
    assert school.runs.examined["analytics.session_events"] == 2
    assert School(school.warehouse).dirty() == []


def test_a_lost_position_only_means_looking_again(school):
    school.tell(told("s1", "member_join", 70))
    first = school.dirty()
    settle(school, ELEVEN)
    assert (first, School(school.warehouse).dirty()) == ([ELEVEN], [])


def test_a_change_that_came_between_a_failed_look_and_the_next_is_not_lost(school, monkeypatch):
    school.tell(told("s1", "member_join", 70))
    with monkeypatch.context() as broken:
        broken.setattr(repair, "_mark", Mock(side_effect=WarehouseUnavailable))
        with pytest.raises(WarehouseUnavailable):
            school.dirty()
    assert school.dirty() == [ELEVEN]


def test_a_run_that_comes_between_stops_the_look_and_the_next_one_sees_the_same_again(
    school, monkeypatch
):
    school.tell(told("s1", "member_join", 55))
    mark = repair._mark

    def meanwhile(hours, run, because):
        if run.metric_hour == ELEVEN:
            settle(school, ELEVEN)
        return mark(hours, run, because)

    with monkeypatch.context() as racing:
        racing.setattr(repair, "_mark", meanwhile)
        assert school.dirty() == [TEN]
    assert school.look.examined == {}
    assert school.dirty() == []
    assert school.look.examined["analytics.session_events"] == 2


def test_where_an_old_version_can_be_read_no_longer_every_hour_that_rests_on_it_is_dirty(
    school, monkeypatch
):
    school.tell(told("s2", "configured", 500))
    settle(school, TWELVE)
    monkeypatch.setattr(school.hour_run.hours, "added", Mock(side_effect=VersionGone))
    assert school.dirty() == [NINE, TEN, ELEVEN]


def test_a_source_that_was_not_there_before_is_new_as_a_whole(school):
    school.tell(
        {"id": "l1", "timestamp": at(-30)}, {"id": "l2", "timestamp": at(61)}, table=API_METRICS
    )
    assert school.dirty() == [NINE, ELEVEN]


def test_hours_far_apart_are_looked_up_apart(school):
    settle(school, TEN - timedelta(days=40))
    school.tell(told("s1", "member_join", 55), told("old", "ended", -40 * 24 * 60 + 5))
    assert school.dirty() == [TEN - timedelta(days=40), TEN, ELEVEN]
