import sys
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from unittest.mock import Mock

import pytest

from classwaves_rollup.errors import Superseded
from classwaves_rollup.formulas import FORMULAS, Rates, code_version, hourly_statement
from classwaves_rollup.hour_computer import compute_until_done
from classwaves_rollup.run_log import Run, RunLog, State
from classwaves_runtime.clock import ManualClock
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY
from classwaves_warehouse.errors import (
    ConcurrentWrite,
    ReplacedTooLate,
    WarehouseUnavailable,
    WarehouseWarming,
)
from tests.support.rollup.harness import (
    HOUR,
    NO_PAUSES,
    TEN,
    FakeRollupStore,
    FaultyRollupStore,
    RollupHarness,
    event_row,
    read_results,
)

EVENTS = [
    event_row("s1", "started", 10),
    event_row("s1", "ended", 40),
    event_row("s2", "started", 50, school_id=None),
]
DONE = Run(TEN, "ours", State.DONE)


@pytest.fixture
def harness():
    harness = RollupHarness()
    harness.add(*EVENTS)
    return harness


@pytest.fixture
def quick_harness(quick_harness):
    quick_harness.add(*EVENTS)
    return quick_harness


def with_faults(computer, **faults):
    return replace(computer, store=FaultyRollupStore(computer.store, **faults))


def test_a_computed_hour_has_facts_hourly_rows_and_a_done_run(harness):
    (run,) = harness.compute(TEN)
    assert harness.run_log[TEN] == run
    assert (run.state, run.facts, run.hourly_rows, run.events_without_school) == (
        State.DONE,
        len(harness.rows(ROLLUP_FACTS_HOURLY)),
        1,
        1,
    )
    assert run.source_versions == {"analytics.session_events": 1}
    (row,) = harness.rows()
    assert (row["id"], row["sessions_active"], row["sessions_completed"]) == (
        "school-1_2026-03-02-10",
        1,
        1,
    )


def test_the_run_log_says_running_while_a_run_computes(quick_harness):
    seen = []
    with_faults(
        quick_harness.computer, replace=[lambda: seen.append(quick_harness.run_log[TEN].state)]
    ).compute(TEN, None, {})
    assert seen == [State.RUNNING]


def test_an_hour_is_complete_once_ingestion_has_passed_its_end(quick_harness):
    assert not quick_harness.compute(TEN)[0].complete
    quick_harness.set_ingested_through(TEN + HOUR)
    assert quick_harness.compute(TEN)[0].complete


@pytest.mark.parametrize("seconds", [1, 3600])
def test_an_hour_whose_end_is_beyond_now_is_never_done(quick_harness, seconds):
    quick_harness.clock = ManualClock(TEN + HOUR - timedelta(seconds=seconds))
    quick_harness.computer = replace(quick_harness.computer, clock=quick_harness.clock)
    quick_harness.set_ingested_through(TEN + 2 * HOUR)
    (run,) = quick_harness.compute(TEN)
    assert (run.state, run.complete) == (State.DIRTY, False)
    assert quick_harness.run_log[TEN] == run
    assert "has not ended" in (run.error or "")
    quick_harness.clock.advance(seconds)
    (run,) = quick_harness.compute(TEN)
    assert (run.state, run.complete, run.error) == (State.DONE, True, None)


def test_an_hour_that_ends_while_it_is_computed_is_not_done(quick_harness):
    clock = ManualClock(TEN + HOUR - timedelta(seconds=1))
    computer = replace(quick_harness.computer, clock=clock)
    run = with_faults(computer, replace=[lambda: clock.advance(5)]).compute(TEN, None, {})
    assert run.state is State.DIRTY


def test_a_lagging_partition_keeps_the_hour_incomplete(quick_harness):
    quick_harness.set_ingested_through(TEN + 2 * HOUR, partition=0)
    quick_harness.set_ingested_through(TEN + HOUR - (HOUR / 3600), partition=1)
    assert not quick_harness.compute(TEN)[0].complete


def test_ingestion_is_read_before_the_sources(quick_harness):
    run = with_faults(
        quick_harness.computer,
        snapshot=[lambda: quick_harness.set_ingested_through(TEN + 2 * HOUR)],
    ).compute(TEN, None, {})
    assert not run.complete


def test_after_a_conflict_the_sources_are_read_again(harness):
    late = event_row("s3", "started", 20)
    faults = [ConcurrentWrite(), ConcurrentWrite()]
    run = with_faults(
        harness.computer, replace=faults, snapshot=[None, lambda: harness.add(late)]
    ).compute(TEN, None, {})
    assert (run.state, run.source_versions) == (State.DONE, {"analytics.session_events": 2})
    assert harness.rows()[0]["sessions_active"] == 2


def test_a_run_with_a_conflict_in_every_attempt_fails(quick_harness):
    run = with_faults(quick_harness.computer, replace=[ConcurrentWrite()] * 100).compute(
        TEN, None, {}
    )
    assert run.state is State.FAILED
    assert quick_harness.run_log[TEN].error.startswith("ConcurrentWrite: ")


@pytest.mark.parametrize("step", ["replace", "snapshot", "ingested_through"])
def test_a_failure_is_in_the_run_log_until_the_next_run(quick_harness, step):
    run = with_faults(quick_harness.computer, **{step: [WarehouseWarming()]}).compute(TEN, None, {})
    assert (run.state, quick_harness.run_log[TEN].state, run.complete) == (
        State.FAILED,
        State.FAILED,
        False,
    )
    assert quick_harness.run_log[TEN].error.startswith(
        "WarehouseWarming: The warehouse is starting up"
    )
    assert quick_harness.compute(TEN)[0].state is State.DONE
    assert quick_harness.run_log[TEN].error is None


def test_the_message_of_an_unexpected_error_is_not_recorded(quick_harness):
    run = with_faults(quick_harness.computer, replace=[ValueError("Maya is late")]).compute(
        TEN, None, {}
    )
    assert run.state is State.FAILED
    assert "Maya" not in (run.error or "")


@pytest.mark.parametrize(
    "faults", [[], [None, WarehouseUnavailable()]], ids=["", "run log unavailable"]
)
def test_a_panic_of_a_library_is_raised_and_recorded_if_possible(quick_harness, faults):
    class Panic(BaseException):
        pass

    def panic():
        raise Panic("Maya is late")

    with pytest.raises(Panic):
        with_faults(quick_harness.computer, replace=[panic], upsert_run=faults).compute(
            TEN, None, {}
        )
    run = quick_harness.run_log[TEN]
    assert (run.state, (run.error or "").partition(" at ")[0]) == (
        (State.RUNNING, "") if faults else (State.FAILED, "Panic")
    )


def test_an_hour_is_not_done_if_the_run_log_cannot_be_written(quick_harness):
    with pytest.raises(WarehouseUnavailable):
        with_faults(quick_harness.computer, upsert_run=[None, WarehouseUnavailable()]).compute(
            TEN, None, {}
        )
    assert quick_harness.run_log[TEN].state is State.RUNNING


def test_a_run_superseded_while_computing_does_not_finish_the_hour(quick_harness):
    slow = with_faults(quick_harness.computer, replace=[None, lambda: quick_harness.compute(TEN)])
    with pytest.raises(Superseded, match="2026-03-02T10"):
        slow.compute(TEN, None, {})
    assert quick_harness.run_log[TEN].state is State.DONE
    assert quick_harness.run_log[TEN].run_id.startswith(quick_harness.computer.owner)


@pytest.mark.parametrize("step", [0, 1], ids=["before reading", "before the hourly rows"])
def test_a_superseded_run_writes_nothing_further_even_if_it_reads_new_data(harness, step):
    before = []

    def supersede():
        harness.compute(TEN)
        harness.add(event_row("s1", "ended", 70))
        before.extend(read_results(harness.warehouse))

    slow = with_faults(
        replace(harness.computer, rates=Rates(cost_per_minute=0.02)),
        snapshot=[None] * step + [supersede],
    )
    with pytest.raises(Superseded, match="2026-03-02T10"):
        slow.compute(TEN, None, {})
    assert read_results(harness.warehouse) == before


def test_a_superseded_run_that_dies_does_not_hide_late_data(harness):
    harness.add(event_row("s3", "started", -230))

    def supersede():
        harness.compute(TEN)
        harness.add(event_row("s3", "ended", 70))

    with suppress(Superseded, SystemExit):
        with_faults(harness.computer, snapshot=[supersede], replace=[None, sys.exit]).compute(
            TEN, None, {}
        )
    assert harness.mark_late_data() == [TEN]
    harness.compute(TEN)
    assert harness.rows()[0]["sessions_active"] == 2
    minutes = {
        row["entity_id"]: row["amount"]
        for row in harness.rows(ROLLUP_FACTS_HOURLY)
        if row["fact"] == "session"
    }
    assert minutes == {"s1": 30, "s3": 60}


@pytest.mark.parametrize("state", [State.DONE, State.RUNNING])
def test_a_superseded_run_that_overwrote_rows_marks_the_hour_dirty(quick_harness, state):
    def replace_too_late():
        theirs = Run(TEN, "theirs", state, finished_at=TEN)
        quick_harness.computer.store.upsert_run(theirs.row(), quick_harness.run_log[TEN].run_id)
        raise ReplacedTooLate

    with pytest.raises(Superseded):
        with_faults(quick_harness.computer, replace=[replace_too_late]).compute(TEN, None, {})
    assert quick_harness.run_log[TEN].state is State.DIRTY


def test_a_run_that_wrote_too_late_and_was_not_superseded_computes_again(quick_harness):
    run = with_faults(quick_harness.computer, replace=[ReplacedTooLate()]).compute(TEN, None, {})
    assert quick_harness.run_log[TEN] == run
    assert run.state is State.DONE


def test_a_run_that_is_superseded_before_it_starts_writes_nothing(quick_harness):
    quick_harness.compute(TEN)
    before = quick_harness.run_log[TEN]
    with pytest.raises(Superseded):
        quick_harness.computer.compute(TEN, None, {})
    assert quick_harness.run_log[TEN] == before


def test_other_rates_are_another_version_of_the_code(quick_harness):
    (plain,) = quick_harness.compute(TEN)
    priced = replace(quick_harness.computer, rates=Rates(cost_per_minute=0.02)).compute(
        TEN, plain, {}
    )
    assert priced.code_version == f"{plain.code_version} cost=0.02"


@pytest.mark.parametrize("step", [1, -1])
def test_of_two_starts_at_the_same_time_the_greater_id_continues_in_any_order_of_arrival(
    step,
):
    harness = RollupHarness()
    starts = [
        event_row("s1", "started", 10, id=id_, teacher_id=f"teacher {id_}") for id_ in ("a", "b")
    ]
    harness.add(*starts[::step], event_row("s1", "ended", 40))
    harness.compute(TEN)
    teachers = [
        row["entity_id"] for row in harness.rows(ROLLUP_FACTS_HOURLY) if row["fact"] == "teacher"
    ]
    assert teachers == ["teacher b"]


def test_other_formulas_are_another_version_of_the_code():
    version = code_version(Rates())
    same = replace(FORMULAS, hourly=Mock(wraps=hourly_statement))
    assert code_version(Rates(), same) == version
    assert code_version(Rates(), replace(FORMULAS, hourly=lambda: "SELECT 1")) != version


def until_done(compute, other=None):
    """Compute ten o'clock while the run log has another owner's run of it."""
    store = FakeRollupStore(RunLog({} if other is None else {TEN: other}))
    return compute_until_done(
        Mock(compute=compute, store=store),
        TEN,
        RunLog({}),
        {},
        accept=lambda run: run.state is State.DONE,
        retry=NO_PAUSES,
    )


def test_an_hour_that_no_other_run_computes_is_computed_at_once():
    assert until_done(Mock(return_value=DONE)) == DONE


def test_the_result_of_another_run_is_accepted():
    theirs = Run(TEN, "theirs", State.DONE)
    assert until_done(Mock(side_effect=Superseded), theirs) == theirs


def test_an_hour_that_another_run_does_not_finish_is_taken_over():
    theirs = Run(TEN, "theirs", State.RUNNING)
    compute = Mock(side_effect=[Superseded, Superseded, DONE])
    assert until_done(compute, theirs) == DONE
    assert [call.args[1] for call in compute.call_args_list] == [None, theirs, theirs]


def test_a_run_that_is_superseded_in_every_attempt_gives_up():
    with pytest.raises(Superseded):
        until_done(Mock(side_effect=Superseded), Run(TEN, "theirs", State.RUNNING))
