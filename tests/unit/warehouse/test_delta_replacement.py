"""What happens to an hour while a replacement is at work on it."""

import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field, write_deltalake
from deltalake.schema import PrimitiveType

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS
from classwaves_warehouse.delta import replacement
from classwaves_warehouse.delta.backoff import Backoff
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.errors import ConcurrentWrite, TableMismatch, WarehouseUnavailable
from tests.support.hours_behaviour import HOUR, facts, run, runs, stored
from tests.support.rows import MORNING


@pytest.fixture
def faults(monkeypatch):
    """Raises at the moments that are due, one a commit."""
    due = []

    def write(handle, *rest, **options):
        moment = due.pop(0) if due else None
        if moment == "before":
            raise OSError("the store did not answer")
        if moment == "after":
            # As when an answer is lost on its way: the table has moved, the handle has not.
            write_deltalake(
                DeltaTable(handle.table_uri, version=handle.version()), *rest, **options
            )
            raise OSError("the store did not say whether it was done")
        write_deltalake(handle, *rest, **options)

    monkeypatch.setattr(replacement, "write_deltalake", write)
    return due


@pytest.fixture
def impatient(delta, root):
    return DeltaWarehouse(root.url, backoff=Backoff(attempts=1, first=0)).hours()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_commit_that_failed_is_settled_by_a_look(delta, root, faults, moment):
    hours = delta.hours()
    facts(hours, "old")
    before = root.open(ROLLUP_FACTS_HOURLY).version()
    faults.append(moment)
    assert facts(hours, "a", "b") == 2
    assert stored(hours) == [(0, "a"), (0, "b")]
    assert root.open(ROLLUP_FACTS_HOURLY).version() == before + 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_that_was_claimed_although_it_failed_is_claimed(delta, faults, moment):
    faults.append(moment)
    delta.hours().upsert_run(run(), None)
    assert [row["run_id"] for row in runs(delta.hours())] == ["run-1"]


def test_who_gave_up_says_that_nothing_is_known(impatient, faults):
    faults.append("after")
    with pytest.raises(
        WarehouseUnavailable, match=r"2026-03-02T08:00:00.* not replaced after 1 attempts"
    ):
        facts(impatient, "a")
    assert facts(impatient, "a") == 1
    assert stored(impatient) == [(0, "a")]


def test_a_replacement_that_is_late_after_another_one_loses_even_if_the_answer_was_lost(
    delta, faults
):
    one, other = delta.hours(), delta.hours()
    with one.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
        facts(other, "theirs")
        faults.append("before")
        with pytest.raises(ConcurrentWrite):
            facts(one, "ours", read=snapshot)
    assert stored(one) == [(0, "theirs")]


def test_rows_that_a_stranger_put_into_the_table_are_a_concurrent_write(delta, root):
    hours = delta.hours()
    facts(hours, "a")
    with hours.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
        root.open(ROLLUP_FACTS_HOURLY).delete("entity_id = 'a'")
        with pytest.raises(ConcurrentWrite):
            facts(hours, "b", read=snapshot)


def test_a_log_that_was_cleaned_meanwhile_is_a_concurrent_write(delta, root, tmp_path):
    hours = delta.hours()
    with hours.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
        facts(delta.hours(), "theirs", hour=MORNING + HOUR)
        facts(delta.hours(), "theirs", hour=MORNING + 2 * HOUR)
        root.open(ROLLUP_FACTS_HOURLY).create_checkpoint()
        log = tmp_path / "analytics" / "rollup_facts_hourly" / "_delta_log"
        (log / f"{1:020}.json").unlink()
        # Its handle has to move: delta-rs finds that the file of its hour is another one's.
        snapshot.held(ROLLUP_FACTS_HOURLY).handle.update_incremental()
        with pytest.raises(ConcurrentWrite, match="is forgotten"):
            facts(hours, "ours", read=snapshot)


def test_a_column_of_a_stranger_is_null_in_replaced_rows(delta, root):
    root.open(ROLLUP_FACTS_HOURLY).alter.add_columns([Field("theirs", PrimitiveType("string"))])
    assert facts(delta.hours(), "a") == 1
    assert stored(delta.hours()) == [(0, "a")]


def test_rows_that_do_not_fit_are_refused_before_anything_is_written(delta):
    hours = delta.hours()
    with hours.snapshot([DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY]) as snapshot:
        for text, told in (
            ("SELECT 1 AS id", "school_id|metric_hour"),
            (
                "SELECT :hour AS metric_hour, CAST(NULL AS STRING) AS school_id, 's' AS source, 'f' AS fact, "
                "'e' AS entity_id, 1.0D AS amount, 1.0D AS weight",
                "school_id. with null values",
            ),
            (
                "SELECT :hour AS metric_hour, 'k' AS school_id, 's' AS source, 'f' AS fact, "
                "'e' AS entity_id, 'much' AS amount, 1.0D AS weight",
                "much",
            ),
        ):
            with pytest.raises(TableMismatch, match=told):
                hours.replace(ROLLUP_FACTS_HOURLY, MORNING, text, {"hour": MORNING}, snapshot)
    assert stored(hours) == []


def test_maintenance_leaves_one_file_and_all_rows_and_then_has_nothing_to_do(delta, root):
    hours = delta.hours()
    for number in range(5):
        facts(hours, f"e{number}", hour=MORNING + number * HOUR)
        hours.upsert_run(run(MORNING + number * HOUR), None)
    for _ in range(2):
        hours.maintain([ROLLUP_FACTS_HOURLY, ROLLUP_RUNS])
        versions = [root.open(table).version() for table in (ROLLUP_FACTS_HOURLY, ROLLUP_RUNS)]
        assert versions == [6, 6]
    assert root.open(ROLLUP_FACTS_HOURLY).get_add_actions().num_rows == 1
    assert stored(hours) == [(number, f"e{number}") for number in range(5)]
    assert len(runs(hours)) == 5


def test_a_run_is_found_beside_thousands_of_others(delta, root):
    old = [run(MORNING - number * HOUR, run_id=f"old-{number}") for number in range(1, 5000)]
    write_deltalake(
        root.of(ROLLUP_RUNS), pa.Table.from_pylist(old, arrow_schema(ROLLUP_RUNS)), mode="append"
    )
    delta.hours().upsert_run(run(MORNING - 7 * HOUR, run_id="new"), "old-7")
    found = runs(delta.hours())
    assert len(found) == 4999
    assert [row["run_id"] for row in found if row["metric_hour"] == MORNING - 7 * HOUR] == ["new"]
