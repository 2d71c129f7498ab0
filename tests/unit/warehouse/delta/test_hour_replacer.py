"""Faults and other writers while an hour is replaced."""

import pyarrow as pa
import pytest
from deltalake import Field, write_deltalake
from deltalake.schema import PrimitiveType

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS
from classwaves_warehouse.errors import ConcurrentWrite, TableMismatch, WarehouseUnavailable
from tests.support.rollup_store_behaviour import HOUR, facts, run, runs, stored
from tests.support.rows import MORNING


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_failed_commit_is_settled_by_reading_the_log(delta, root, hour_faults, moment):
    store = delta.rollup()
    facts(store, "old")
    before = root.open(ROLLUP_FACTS_HOURLY).version()
    hour_faults.due.append(moment)
    assert facts(store, "a", "b") == 2
    assert stored(store) == [(0, "a"), (0, "b")]
    assert root.open(ROLLUP_FACTS_HOURLY).version() == before + 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_run_is_claimed_despite_an_error(delta, hour_faults, moment):
    hour_faults.due.append(moment)
    delta.rollup().upsert_run(run(), None)
    assert [row["run_id"] for row in runs(delta.rollup())] == ["run-1"]


def test_the_outcome_is_unknown_after_the_last_attempt(impatient, hour_faults):
    store = impatient.rollup()
    hour_faults.due.append("after")
    with pytest.raises(
        WarehouseUnavailable, match=r"2026-03-02T08:00:00.* was not replaced after 1 attempts"
    ):
        facts(store, "a")
    assert facts(store, "a") == 1
    assert stored(store) == [(0, "a")]


def test_a_late_replacement_is_a_concurrent_write_even_after_a_failed_commit(delta, hour_faults):
    one, other = delta.rollup(), delta.rollup()
    with one.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
        facts(other, "theirs")
        hour_faults.due.append("before")
        with pytest.raises(ConcurrentWrite):
            facts(one, "ours", read=snapshot)
    assert stored(one) == [(0, "theirs")]


def test_a_foreign_delete_is_a_concurrent_write(delta, root):
    store = delta.rollup()
    facts(store, "a")
    with store.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
        root.open(ROLLUP_FACTS_HOURLY).delete("entity_id = 'a'")
        with pytest.raises(ConcurrentWrite):
            facts(store, "b", read=snapshot)


def test_a_cleaned_up_log_is_a_concurrent_write(delta, root, tmp_path):
    store = delta.rollup()
    with store.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
        facts(delta.rollup(), "theirs", hour=MORNING + HOUR)
        facts(delta.rollup(), "theirs", hour=MORNING + 2 * HOUR)
        root.open(ROLLUP_FACTS_HOURLY).create_checkpoint()
        log = tmp_path / "analytics" / "rollup_facts_hourly" / "_delta_log"
        (log / f"{1:020}.json").unlink()
        # With the old handle, delta-rs itself finds the conflict before the log is read.
        snapshot.table(ROLLUP_FACTS_HOURLY).handle.update_incremental()
        with pytest.raises(ConcurrentWrite, match="was cleaned up"):
            facts(store, "ours", read=snapshot)


def test_a_foreign_column_is_null_in_replaced_rows(delta, root):
    root.open(ROLLUP_FACTS_HOURLY).alter.add_columns([Field("theirs", PrimitiveType("string"))])
    assert facts(delta.rollup(), "a") == 1
    assert stored(delta.rollup()) == [(0, "a")]


def test_rows_that_do_not_fit_are_refused_before_anything_is_written(delta):
    store = delta.rollup()
    with store.snapshot([DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY]) as snapshot:
        for sql, problem in (
            ("SELECT 1 AS id", "school_id|metric_hour"),
            (
                "SELECT :hour AS metric_hour, CAST(NULL AS STRING) AS school_id, 's' AS source, "
                "'f' AS fact, "
                "'e' AS entity_id, 1.0D AS amount, 1.0D AS weight",
                "school_id. with null values",
            ),
            (
                "SELECT :hour AS metric_hour, 'k' AS school_id, 's' AS source, 'f' AS fact, "
                "'e' AS entity_id, 'much' AS amount, 1.0D AS weight",
                "much",
            ),
        ):
            with pytest.raises(TableMismatch, match=problem):
                store.replace(ROLLUP_FACTS_HOURLY, MORNING, sql, {"hour": MORNING}, snapshot)
    assert stored(store) == []


def test_a_run_is_found_among_thousands_of_others(delta, root):
    old = [run(MORNING - number * HOUR, run_id=f"old-{number}") for number in range(1, 5000)]
    write_deltalake(
        root.url_of(ROLLUP_RUNS),
        pa.Table.from_pylist(old, arrow_schema(ROLLUP_RUNS)),
        mode="append",
    )
    delta.rollup().upsert_run(run(MORNING - 7 * HOUR, run_id="new"), "old-7")
    found = runs(delta.rollup())
    assert len(found) == 4999
    assert [row["run_id"] for row in found if row["metric_hour"] == MORNING - 7 * HOUR] == ["new"]
