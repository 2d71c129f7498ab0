from dataclasses import replace
from datetime import timedelta

import pyarrow as pa
import pytest

from classwaves_rollup.late_data.changes import SESSION_ROW_HOURS
from classwaves_rollup.run_log import TAKEOVER_SECONDS, Run, State
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
from classwaves_warehouse.memory.rollup import MemorySnapshot
from tests.support.rollup.harness import HOUR, TEN, RollupHarness, at, event_row
from tests.support.sources import fill

NINE, ELEVEN, TWELVE = TEN - HOUR, TEN + HOUR, TEN + 2 * HOUR


@pytest.fixture
def harness():
    """Hours from nine to twelve are done. s1 was active from 10:50 to 11:20, as in its facts."""
    harness = RollupHarness(now=TEN + 4 * HOUR)
    harness.add(event_row("s1", "started", 50), event_row("s1", "ended", 80))
    facts = [fact(TEN, "session", 10), fact(ELEVEN, "session", 20)]
    fill(harness.warehouse, ROLLUP_FACTS_HOURLY, facts)
    set_done(harness, NINE, TEN, ELEVEN, TWELVE)
    return harness


def fact(hour, kind, amount, session="s1"):
    columns = {
        "source": "session_events",
        "fact": kind,
        "entity_id": session,
        "amount": float(amount),
    }
    return {"metric_hour": hour, "school_id": "school-1", **columns}


def set_done(harness, *hours):
    """Mark hours done at the present versions of the sources, without computing them."""
    with harness.computer.store.snapshot(SOURCES) as snapshot:
        versions = dict(snapshot.versions)
    run_log = harness.run_log
    for hour in hours:
        before = run_log.get(hour)
        run = Run(
            hour, f"run of {hour} {versions}", State.DONE, complete=True, source_versions=versions
        )
        harness.computer.store.upsert_run(run.row(), before and before.run_id)


def test_nothing_new_makes_nothing_dirty(harness):
    assert harness.mark_late_data() == []
    assert harness.mark_late_data() == []


@pytest.mark.parametrize(
    ("late", "dirty"),
    [
        (event_row("s1", "member_join", 55), [TEN, ELEVEN]),
        (event_row("s1", "member_join", 70), [ELEVEN]),
        (event_row("s1", "ended", 55), [TEN, ELEVEN]),
        (event_row("s1", "ended", 90), [ELEVEN]),
        (event_row("s1", "ended", 150), [TWELVE]),
        (event_row("s1", "started", -20), [NINE, TEN, ELEVEN]),
        (event_row("s2", "configured", 5), [TEN]),
        (event_row("s2", "started", 130), [TWELVE]),
        (event_row("s2", "started", 30), [TEN, ELEVEN, TWELVE]),
        (event_row("s2", "ended", 61), [ELEVEN]),
        (event_row("s2", "started", 200), []),
        (event_row("s1", "started", 900), []),
    ],
    ids=lambda value: value["id"] if isinstance(value, dict) else "",
)
def test_an_event_makes_the_hours_of_its_sessions_activity_dirty(harness, late, dirty):
    harness.add(late)
    assert harness.mark_late_data() == dirty
    assert harness.run_log.in_state(State.DIRTY) == dirty[::-1]


def test_an_end_in_time_does_not_affect_hours_in_which_the_session_was_active_throughout(harness):
    harness.add(event_row("s2", "started", 40))
    fill(
        harness.warehouse,
        ROLLUP_FACTS_HOURLY,
        [fact(TEN, "session", 20, "s2"), fact(ELEVEN, "session", 60, "s2")],
    )
    set_done(harness, NINE, TEN, ELEVEN)
    harness.add(event_row("s2", "ended", 130))
    assert harness.mark_late_data() == [TWELVE]


def test_an_end_after_the_assumed_duration_makes_the_hours_between_dirty(harness):
    harness.add(event_row("s2", "started", -310))
    set_done(harness, NINE, TEN, ELEVEN, TWELVE)
    harness.add(event_row("s2", "ended", 130))
    assert harness.mark_late_data() == [NINE, TEN, ELEVEN, TWELVE]


def test_an_end_that_names_the_school_first_makes_all_hours_of_its_session_dirty(harness):
    harness.add(
        event_row("s2", "started", 40, school_id=None),
        event_row("s2", "configured", -10, school_id=None),
    )
    set_done(harness, NINE, TEN, ELEVEN, TWELVE)
    harness.add(event_row("s2", "ended", 130))
    assert harness.mark_late_data() == [NINE, TEN, ELEVEN, TWELVE]


def test_an_end_after_hours_whose_facts_name_another_school_makes_them_dirty(harness):
    harness.add(event_row("s2", "started", 40))
    facts = [fact(TEN, "session", 20, "s2"), fact(ELEVEN, "session", 60, "s2")]
    fill(
        harness.warehouse,
        ROLLUP_FACTS_HOURLY,
        [{**each, "school_id": "school-0"} for each in facts],
    )
    set_done(harness, NINE, TEN, ELEVEN, TWELVE)
    harness.add(event_row("s2", "ended", 130))
    assert harness.mark_late_data() == [TEN, ELEVEN, TWELVE]


def test_an_end_that_names_a_school_makes_the_hours_of_earlier_logs_dirty(harness):
    log = {"id": "l1", "severity": "error", "session_id": "s2", "created_at": at(-10)}
    harness.add(log, table=SYSTEM_EVENTS)
    set_done(harness, NINE, TEN, ELEVEN, TWELVE)
    harness.add(event_row("s2", "ended", 70))
    assert harness.mark_late_data() == [NINE, ELEVEN]


def test_an_event_of_an_hour_that_is_not_due_affects_no_earlier_hour(harness):
    set_done(harness, NINE, TEN, ELEVEN, TWELVE)
    harness.add(event_row("s1", "member_leave", 190), event_row("s9", "started", 185))
    assert harness.mark_late_data() == []


def test_a_metrics_row_makes_the_hours_of_its_session_dirty(harness):
    harness.add(
        {"session_id": "s1", "calculation_timestamp": at(85), "created_at": at(40)},
        table=SESSION_METRICS,
    )
    assert harness.mark_late_data() == [TEN, ELEVEN]


def test_a_group_without_a_time_makes_the_hours_of_its_session_dirty(harness):
    harness.add({"id": "g1", "session_id": "s1"}, {"id": "g2"}, table=STUDENT_GROUPS)
    assert harness.mark_late_data() == [TEN, ELEVEN]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (EDUCATIONAL_METRICS, "calculation_timestamp"),
        (SYSTEM_EVENTS, "created_at"),
        (API_METRICS, "timestamp"),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_log_makes_its_own_hour_dirty(harness, table, column):
    harness.add({"id": "l1", column: at(130)}, table=table)
    assert harness.mark_late_data() == [TWELVE]


def session_row(**columns):
    return {
        "id": "s1",
        "school_id": "school-1",
        "created_at": at(0),
        "updated_at": at(90),
        **columns,
    }


def test_a_session_whose_transcription_is_enabled_late_makes_its_hours_dirty(harness):
    harness.add(session_row(transcription_enabled=True), table=CLASSROOM_SESSIONS)
    assert harness.mark_late_data() == [TEN, ELEVEN]


def test_a_session_row_that_agrees_with_the_facts_affects_no_hour(harness):
    harness.add(session_row(transcription_enabled=None), table=CLASSROOM_SESSIONS)
    assert harness.mark_late_data() == []


def test_a_session_row_gives_a_school_to_a_session_whose_events_name_none(harness):
    harness.add(
        event_row("s3", "started", 10, school_id=None), event_row("s3", "ended", 20, school_id="")
    )
    set_done(harness, *harness.mark_late_data())
    harness.add(session_row(id="s3"), table=CLASSROOM_SESSIONS)
    assert harness.mark_late_data() == [TEN]


def test_a_session_row_gives_a_school_to_the_logs_of_a_session_without_events(harness):
    harness.add({"id": "l1", "session_id": "s4", "created_at": at(130)}, table=SYSTEM_EVENTS)
    set_done(harness, *harness.mark_late_data())
    harness.add(session_row(id="s4"), table=CLASSROOM_SESSIONS)
    assert harness.mark_late_data() == [TWELVE]


def test_a_session_row_does_not_affect_hours_far_from_its_own_time(harness):
    harness.add(
        session_row(transcription_enabled=True, updated_at=at(90) + timedelta(days=30)),
        table=CLASSROOM_SESSIONS,
    )
    assert harness.mark_late_data() == []


def test_a_group_that_was_planned_long_before_its_session_makes_the_newest_hours_dirty(harness):
    planned = dict.fromkeys(("created_at", "updated_at"), at(-67 * 60))
    harness.add({"id": "g1", "session_id": "s1", **planned}, table=STUDENT_GROUPS)
    assert harness.mark_late_data() == [TEN, ELEVEN]


def test_a_group_that_was_planned_long_before_and_arrives_long_after_its_session_is_not_found(
    harness,
):
    set_done(harness, ELEVEN + (SESSION_ROW_HOURS + 1) * HOUR)
    planned = dict.fromkeys(("created_at", "updated_at"), at(-67 * 60))
    harness.add({"id": "g1", "session_id": "s1", **planned}, table=STUDENT_GROUPS)
    assert harness.mark_late_data() == []


def test_changes_are_read_only_since_versions_of_hours_that_they_can_affect(harness, monkeypatch):
    for number in range(5):
        harness.add(event_row("s9", "configured", 5000 + number))
        set_done(harness, TEN - (100 + number) * HOUR)
    harness.add(event_row("s1", "member_join", 70))
    set_done(harness, TWELVE)
    harness.add(event_row("s1", "member_join", 71))
    hours, read = harness.computer.store, []
    added = hours.added
    monkeypatch.setattr(
        hours,
        "added",
        lambda table, since, columns: read.append(since) or added(table, since, columns),
    )
    assert harness.mark_late_data() == [ELEVEN]
    assert read == [1, 7]


def test_a_row_that_returned_to_its_former_value_affects_hours_computed_in_between(harness):
    row = session_row(transcription_enabled=True)
    harness.add(row, table=CLASSROOM_SESSIONS)
    facts = [fact(TEN, "transcription", 10), fact(ELEVEN, "transcription", 0)]
    fill(harness.warehouse, ROLLUP_FACTS_HOURLY, facts)
    set_done(harness, NINE, TEN, TWELVE)
    versions = harness.warehouse.versioned_tables._versions[CLASSROOM_SESSIONS]
    other = pa.Table.from_pylist([{**row, "transcription_enabled": False}], versions[0].schema)
    versions.append(other)
    set_done(harness, ELEVEN)
    versions.append(versions[0])
    assert harness.mark_late_data() == [ELEVEN]


def test_an_hour_that_has_read_the_change_stays_done(harness):
    harness.add(event_row("s1", "member_join", 55))
    set_done(harness, TEN)
    assert harness.mark_late_data() == [ELEVEN]


def test_an_hour_that_is_dirty_or_failed_is_not_marked_again(harness):
    harness.add(event_row("s1", "member_join", 55))
    before = harness.mark_late_data()
    harness.add(event_row("s1", "member_join", 56))
    assert (before, harness.mark_late_data()) == ([TEN, ELEVEN], [])


@pytest.fixture
def running(harness):
    """Another owner's run that computes the hour from ten."""
    running = Run(TEN, "theirs", State.RUNNING)
    harness.computer.store.upsert_run(running.row(), harness.run_log[TEN].run_id)
    return running


def test_a_running_hour_is_skipped_and_scanned_once_its_run_is_done(harness, running):
    versions = {"analytics.session_events": 1}
    harness.add(event_row("s1", "member_join", 55))
    assert harness.mark_late_data() == [ELEVEN]
    assert harness.scan.examined_versions == {}
    harness.computer.store.upsert_run(
        replace(running, state=State.DONE, source_versions=versions).row(), "theirs"
    )
    assert harness.mark_late_data() == [TEN]
    assert harness.scan.examined_versions["analytics.session_events"] == 2


def test_a_skipped_hour_stays_done_if_its_run_has_read_the_change(harness, running):
    harness.add(event_row("s1", "member_join", 55))
    assert harness.mark_late_data() == [ELEVEN]
    set_done(harness, TEN)
    assert harness.mark_late_data() == []


def test_the_position_advances_once_skipped_hours_are_done(harness, running):
    harness.mark_late_data()
    set_done(harness, TEN)
    harness.add(event_row("s1", "member_join", 130))
    harness.mark_late_data()
    harness.computer.store.upsert_run(running.row(), harness.run_log[TEN].run_id)
    harness.add(event_row("s1", "member_join", 131))
    harness.mark_late_data()
    assert harness.scan.examined_versions["analytics.session_events"] == 2


def test_after_the_takeover_timeout_a_running_hour_is_marked_without_reading_changes(
    harness, running, monkeypatch
):
    statements = []
    query = MemorySnapshot.query
    monkeypatch.setattr(
        MemorySnapshot, "query", lambda *given: statements.append(given[1]) or query(*given)
    )
    harness.mark_late_data()
    harness.clock.advance(TAKEOVER_SECONDS)
    assert harness.mark_late_data() == [TEN]
    assert harness.run_log[TEN].run_id != "theirs"
    assert [sql for sql in statements if "FROM session_events" in sql] == []


def test_the_position_is_kept_with_the_next_run_and_read_by_the_next_process(harness):
    harness.add(event_row("s1", "member_join", 55))
    assert harness.mark_late_data() == [TEN, ELEVEN]
    run = harness.run_log[TEN]
    harness.computer.compute(TEN, run, harness.scan.examined_versions)
    assert harness.run_log.examined_versions == harness.scan.examined_versions
    assert harness.run_log.examined_versions["analytics.session_events"] == 2
    assert RollupHarness(harness.warehouse).mark_late_data() == []


def test_a_lost_position_only_means_another_scan(harness):
    harness.add(event_row("s1", "member_join", 70))
    first = harness.mark_late_data()
    set_done(harness, ELEVEN)
    assert (first, RollupHarness(harness.warehouse).mark_late_data()) == ([ELEVEN], [])


def test_a_failed_scan_loses_no_change(harness):
    harness.add(event_row("s1", "member_join", 70))
    with pytest.raises(WarehouseUnavailable):
        harness.mark_late_data(upsert_run=[WarehouseUnavailable()])
    assert harness.mark_late_data() == [ELEVEN]


def test_a_scan_that_conflicts_with_a_run_ends_and_the_next_one_finds_the_same_changes(harness):
    harness.add(event_row("s1", "member_join", 55))
    conflict = [None, lambda: set_done(harness, ELEVEN)]
    assert harness.mark_late_data(upsert_run=conflict) == [TEN]
    assert harness.scan.examined_versions == {}
    assert harness.mark_late_data() == []
    assert harness.scan.examined_versions["analytics.session_events"] == 2


def test_if_an_old_version_is_gone_every_hour_computed_from_it_is_dirty(harness):
    harness.add(event_row("s2", "configured", 500))
    set_done(harness, TWELVE)
    assert harness.mark_late_data(added=[VersionGone()] * len(SOURCES)) == [NINE, TEN, ELEVEN]


def test_all_rows_of_a_new_source_are_changes(harness):
    harness.add(
        {"id": "l1", "timestamp": at(-30)}, {"id": "l2", "timestamp": at(61)}, table=API_METRICS
    )
    assert harness.mark_late_data() == [NINE, ELEVEN]


def test_hours_that_are_far_apart_are_queried_separately(harness):
    set_done(harness, TEN - timedelta(days=40))
    harness.add(event_row("s1", "member_join", 55), event_row("old", "ended", -40 * 24 * 60 + 5))
    assert harness.mark_late_data() == [TEN - timedelta(days=40), TEN, ELEVEN]
