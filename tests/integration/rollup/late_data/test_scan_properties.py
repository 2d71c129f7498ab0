"""Every hour that a scan does not mark has the rows that computing it again would give."""

from collections import Counter

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from classwaves_rollup.formulas import facts_statement, window, without_school_statement
from classwaves_rollup.run_log import Run, State
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY, SOURCES
from tests.support.rollup.harness import HOUR, TEN, RollupHarness
from tests.support.rollup.random_rows import random_rows
from tests.support.sources import fill

HOURS = [TEN + number * HOUR for number in (-1, 0, 1, 2, 6, 14)]


def computed(snapshot, hour):
    """The facts of an hour from the sources now, and the number of its events without a school."""
    present = snapshot.versions
    facts = snapshot.query(facts_statement(present), window(hour)).to_pylist()
    without_school = snapshot.query(without_school_statement(present), window(hour))[
        "events_without_school"
    ][0].as_py()
    return Counter(map(str, facts)), facts, without_school


def set_done(harness, hours):
    """Mark hours done with their facts from the sources now; give these by hour."""
    made = {}
    runs = harness.run_log
    with harness.computer.store.snapshot(SOURCES) as snapshot:
        versions = dict(snapshot.versions)
        for hour in hours:
            made[hour], facts, without_school = computed(snapshot, hour)
            fill(harness.warehouse, ROLLUP_FACTS_HOURLY, facts)
            run = Run(
                hour,
                f"{hour} {versions}",
                State.DONE,
                source_versions=versions,
                events_without_school=without_school,
            )
            harness.computer.store.upsert_run(
                run.row(), runs[hour].run_id if hour in runs else None
            )
            made[hour] = (made[hour], without_school)
    return made


def add_all(harness, given):
    """Add rows to several sources, one after the other."""
    for table, rows in given:
        harness.add(*rows, table=table)


def assert_unmarked_hours_are_unchanged(harness, before, dirty):
    """Check that only dirty hours have changed; give for each hour whether it has."""
    changed = {}
    with harness.computer.store.snapshot(SOURCES) as snapshot:
        for hour in HOURS:
            now, _, without_school = computed(snapshot, hour)
            changed[hour] = before[hour] != (now, without_school)
            assert not changed[hour] or hour in dirty, f"{hour} has changed and was not marked"
    return changed


def test_hours_that_a_scan_does_not_mark_are_unchanged():
    found = Counter()

    @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(random_rows(), min_size=1, max_size=4),
        st.lists(random_rows(), min_size=1, max_size=2),
    )
    def holds(early, late):
        harness = RollupHarness()
        add_all(harness, early)
        before = set_done(harness, HOURS)
        add_all(harness, late)
        dirty = set(harness.mark_late_data())
        for hour, changed in assert_unmarked_hours_are_unchanged(harness, before, dirty).items():
            found[
                "changed" if changed else "unmarked" if hour not in dirty else "marked in vain"
            ] += 1
        event(f"{len(dirty)} hours dirty")

    holds()
    # A scan that marks every hour would be correct and useless.
    assert found["unmarked"] > found["marked in vain"]


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(random_rows(), min_size=1, max_size=3), st.lists(random_rows(), min_size=1, max_size=3)
)
def test_hours_that_were_running_during_a_scan_are_scanned_once_they_are_done(early, late):
    harness = RollupHarness()
    add_all(harness, early)
    before = set_done(harness, HOURS)
    done, upsert = harness.run_log, harness.computer.store.upsert_run
    for hour in HOURS:
        upsert(Run(hour, f"theirs of {hour}", State.RUNNING).row(), done[hour].run_id)
    add_all(harness, late)
    assert harness.mark_late_data() == []
    for hour in HOURS:
        upsert(done[hour].row(), f"theirs of {hour}")
    assert_unmarked_hours_are_unchanged(harness, before, set(harness.mark_late_data()))
