import sys
from contextlib import suppress
from dataclasses import replace

import pytest

from classwaves_rollup import release
from classwaves_rollup.errors import Overtaken
from classwaves_rollup.rates import Rates
from classwaves_rollup.release import code_version
from classwaves_rollup.run import Run, State
from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY
from classwaves_warehouse.errors import (
    ConcurrentWrite,
    ReplacedTooLate,
    WarehouseUnavailable,
    WarehouseWarming,
)
from tests.support.school import HOUR, TEN, School, everything, told


class Disturbed:
    """Hours of a warehouse, of which a step goes otherwise now and then.

    Args:
        hours: the real ones.
        faults: name of a method → what happens before it, in turn; None: nothing.
    """

    def __init__(self, hours, **faults):
        self._hours = hours
        self._faults = {name: iter(each) for name, each in faults.items()}

    def __getattr__(self, name):
        real = getattr(self._hours, name)

        def disturbed(*arguments):
            fault = next(self._faults.get(name, iter(())), None)
            if isinstance(fault, Exception):
                raise fault
            if fault is not None:
                fault()
            return real(*arguments)

        return disturbed


@pytest.fixture
def school():
    school = School()
    school.tell(
        told("s1", "started", 10),
        told("s1", "ended", 40),
        told("s2", "started", 50, school_id=None),
    )
    return school


def disturbed(hour_run, **faults):
    return replace(hour_run, hours=Disturbed(hour_run.hours, **faults))


def test_a_computed_hour_has_its_facts_its_rows_and_a_done_row_in_the_ledger(school):
    (run,) = school.compute(TEN)
    assert school.runs[TEN] == run
    assert (run.state, run.facts, run.hourly_rows, run.events_without_school) == (
        State.DONE,
        len(school.rows(ROLLUP_FACTS_HOURLY)),
        1,
        1,
    )
    assert run.source_versions == {"analytics.session_events": 1}
    (row,) = school.rows()
    assert (row["id"], row["sessions_active"], row["sessions_completed"]) == (
        "school-1_2026-03-02-10",
        1,
        1,
    )


def test_the_ledger_says_running_while_it_runs(school, quick):
    seen = []
    disturbed(school.hour_run, replace=[lambda: seen.append(school.runs[TEN].state)]).compute(
        TEN, None, {}
    )
    assert seen == [State.RUNNING]


def test_an_hour_is_complete_once_ingestion_has_passed_its_end(school, quick):
    assert not school.compute(TEN)[0].complete
    school.ingested(TEN + HOUR)
    assert school.compute(TEN)[0].complete


def test_a_partition_that_lags_keeps_the_hour_incomplete(school, quick):
    school.ingested(TEN + 2 * HOUR, partition=0)
    school.ingested(TEN + HOUR - (HOUR / 3600), partition=1)
    assert not school.compute(TEN)[0].complete


def test_ingestion_is_asked_before_the_sources_are_read(school, quick):
    run = disturbed(school.hour_run, snapshot=[lambda: school.ingested(TEN + 2 * HOUR)]).compute(
        TEN, None, {}
    )
    assert not run.complete


def test_an_hour_that_somebody_wrote_meanwhile_is_read_again_and_redone(school):
    late = told("s3", "started", 20)
    faults = [ConcurrentWrite(), ConcurrentWrite()]
    run = disturbed(
        school.hour_run, replace=faults, snapshot=[None, lambda: school.tell(late)]
    ).compute(TEN, None, {})
    assert (run.state, run.source_versions) == (State.DONE, {"analytics.session_events": 2})
    assert school.rows()[0]["sessions_active"] == 2


def test_who_is_disturbed_again_and_again_gives_up_and_says_so(school, quick):
    run = disturbed(school.hour_run, replace=[ConcurrentWrite()] * 100).compute(TEN, None, {})
    assert run.state is State.FAILED
    assert school.runs[TEN].error.startswith("ConcurrentWrite: ")


@pytest.mark.parametrize("step", ["replace", "snapshot", "stored_until"])
def test_a_failure_is_told_in_the_ledger_and_the_next_run_mends_it(school, quick, step):
    run = disturbed(school.hour_run, **{step: [WarehouseWarming()]}).compute(TEN, None, {})
    assert (run.state, school.runs[TEN].state, run.complete) == (State.FAILED, State.FAILED, False)
    assert school.runs[TEN].error.startswith("WarehouseWarming: The warehouse is starting up")
    assert school.compute(TEN)[0].state is State.DONE
    assert school.runs[TEN].error is None


def test_an_error_that_nobody_expected_is_told_without_its_words(school, quick):
    run = disturbed(school.hour_run, replace=[ValueError("Maya is late")]).compute(TEN, None, {})
    assert run.state is State.FAILED
    assert "Maya" not in (run.error or "")


@pytest.mark.parametrize(
    "ledger", [[], [None, WarehouseUnavailable()]], ids=["", "ledger does not answer"]
)
def test_a_library_that_panics_ends_everything_and_the_ledger_tells_of_it_if_it_can(
    school, quick, ledger
):
    class Panic(BaseException):
        pass

    def panic():
        raise Panic("Maya is late")

    with pytest.raises(Panic):
        disturbed(school.hour_run, replace=[panic], upsert_run=ledger).compute(TEN, None, {})
    run = school.runs[TEN]
    assert (run.state, (run.error or "").partition(" at ")[0]) == (
        (State.RUNNING, "") if ledger else (State.FAILED, "Panic")
    )


def test_a_ledger_that_cannot_be_written_ends_the_run_and_leaves_the_hour_not_done(school, quick):
    with pytest.raises(WarehouseUnavailable):
        disturbed(school.hour_run, upsert_run=[None, WarehouseUnavailable()]).compute(TEN, None, {})
    assert school.runs[TEN].state is State.RUNNING


def test_who_was_overtaken_while_computing_does_not_call_the_hour_done(school, quick):
    slow = disturbed(school.hour_run, replace=[None, lambda: school.compute(TEN)])
    with pytest.raises(Overtaken, match="2026-03-02T10"):
        slow.compute(TEN, None, {})
    assert school.runs[TEN].state is State.DONE
    assert school.runs[TEN].run_id.startswith(school.hour_run.owner)


@pytest.mark.parametrize("step", [0, 1], ids=["before it reads", "before it makes rows"])
def test_who_was_overtaken_writes_nothing_any_more_even_if_it_reads_what_is_new(school, step):
    before = []

    def overtaken():
        school.compute(TEN)
        school.tell(told("s1", "ended", 70))
        before.extend(everything(school.warehouse))

    slow = disturbed(
        replace(school.hour_run, rates=Rates(cost_per_minute=0.02)),
        snapshot=[None] * step + [overtaken],
    )
    with pytest.raises(Overtaken, match="2026-03-02T10"):
        slow.compute(TEN, None, {})
    assert everything(school.warehouse) == before


def test_an_overtaken_run_that_dies_halfway_hides_nothing_that_came_late(school):
    school.tell(told("s3", "started", -230))

    def overtaken():
        school.compute(TEN)
        school.tell(told("s3", "ended", 70))

    with suppress(Overtaken, SystemExit):
        disturbed(school.hour_run, snapshot=[overtaken], replace=[None, sys.exit]).compute(
            TEN, None, {}
        )
    assert school.dirty() == [TEN]
    school.compute(TEN)
    assert school.rows()[0]["sessions_active"] == 2
    minutes = {
        row["entity_id"]: row["amount"]
        for row in school.rows(ROLLUP_FACTS_HOURLY)
        if row["fact"] == "session"
    }
    assert minutes == {"s1": 30, "s3": 60}


@pytest.mark.parametrize("state", [State.DONE, State.RUNNING])
def test_who_wrote_over_the_rows_of_the_run_that_overtook_it_lets_nobody_believe_them(
    school, quick, state
):
    def replaced_too_late():
        theirs = Run(TEN, "theirs", state, finished_at=TEN)
        school.hour_run.hours.upsert_run(theirs.row(), school.runs[TEN].run_id)
        raise ReplacedTooLate

    with pytest.raises(Overtaken):
        disturbed(school.hour_run, replace=[replaced_too_late]).compute(TEN, None, {})
    assert school.runs[TEN].state is State.DIRTY


def test_who_wrote_too_late_and_still_has_the_hour_does_it_again(school, quick):
    run = disturbed(school.hour_run, replace=[ReplacedTooLate()]).compute(TEN, None, {})
    assert school.runs[TEN] == run
    assert run.state is State.DONE


def test_who_comes_too_late_to_begin_writes_nothing(school, quick):
    school.compute(TEN)
    before = school.runs[TEN]
    with pytest.raises(Overtaken):
        school.hour_run.compute(TEN, None, {})
    assert school.runs[TEN] == before


def test_other_rates_are_another_version_of_the_code(school, quick):
    (plain,) = school.compute(TEN)
    dear = replace(school.hour_run, rates=Rates(cost_per_minute=0.02)).compute(TEN, plain, {})
    assert dear.code_version == f"{plain.code_version} cost=0.02"


@pytest.mark.parametrize("turn", [1, -1])
def test_of_two_starts_at_the_same_instant_the_one_with_the_greater_id_goes_on_in_whatever_order_they_came(
    turn,
):
    school = School()
    starts = [told("s1", "started", 10, id=id_, teacher_id=f"teacher {id_}") for id_ in ("a", "b")]
    school.tell(*starts[::turn], told("s1", "ended", 40))
    school.compute(TEN)
    teachers = [
        row["entity_id"] for row in school.rows(ROLLUP_FACTS_HOURLY) if row["fact"] == "teacher"
    ]
    assert teachers == ["teacher b"]


def test_other_formulas_are_another_version_of_the_code(monkeypatch, request):
    before = code_version(Rates())
    request.addfinalizer(release._formulas.cache_clear)
    release._formulas.cache_clear()
    assert code_version(Rates()) == before
    release._formulas.cache_clear()
    monkeypatch.setattr(release, "hourly_statement", lambda: "SELECT 1")
    assert code_version(Rates()) != before
