"""The behaviour suite of rollup stores: a test class inherits it and adds a `warehouse` fixture.

The warehouse has its own tables, empty, and no source tables.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Thread
from typing import Any

import pytest

from classwaves_schemas.tables import ROLLUP_FACTS_HOURLY, ROLLUP_RUNS, SESSION_EVENTS, Table
from classwaves_schemas.tables.table import BIGINT, DOUBLE, STRING, TAGS, TIMESTAMP, Column
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import ConcurrentWrite, TableMissing
from classwaves_warehouse.interface import RollupStore, Warehouse
from classwaves_warehouse.reading import Snapshot
from tests.support.rows import MORNING, STREAM, batch, event
from tests.support.sources import drop, fill

HOUR = timedelta(hours=1)
SOURCE = Table(
    schema="lessons",
    name="marks",
    properties={"comment": "A table of another application"},
    columns=(
        Column("id", STRING, "The mark", nullable=False),
        Column("at", TIMESTAMP, "When"),
        Column("value", DOUBLE, "How much"),
        Column("tags", TAGS, "What for"),
        Column("count", BIGINT, "How many"),
    ),
)

MARKS = "SELECT id, at, value, count FROM marks ORDER BY id"
FACTS = """
SELECT id AS entity_id, 'school' AS school_id, date_trunc('HOUR', at) AS metric_hour,
    'marks' AS source, 'mark' AS fact, value AS amount, CAST(NULL AS DOUBLE) AS weight
FROM marks
WHERE at >= :hour AND at < :hour + INTERVAL 1 HOUR
"""
STORED = "SELECT * FROM rollup_facts_hourly ORDER BY metric_hour, entity_id"


def mark(id_: str, minutes: float = 0, **columns: Any) -> dict[str, Any]:
    """A row of the source, some minutes after MORNING."""
    return {"id": id_, "at": MORNING + timedelta(minutes=minutes), "value": 1.5, **columns}


def run(
    hour: datetime = MORNING, run_id: str = "run-1", state: str = "running", **columns: Any
) -> dict[str, Any]:
    """A row of rollup_runs."""
    return {"metric_hour": hour, "run_id": run_id, "state": state, "started_at": MORNING, **columns}


def facts(
    store: RollupStore, *values: str, hour: datetime = MORNING, read: Snapshot | None = None
) -> int:
    """Replace an hour's facts by facts of these entities."""
    listed = ", ".join(f"('{value}')" for value in values)
    text = f"""SELECT :hour AS metric_hour, 'school' AS school_id, 'marks' AS source,
        'mark' AS fact, v AS entity_id, 1.5D AS amount, CAST(NULL AS DOUBLE) AS weight
        FROM (VALUES {listed or "('none')"}) AS listed(v){"" if listed else " WHERE v <> 'none'"}"""
    if read is not None:
        return store.replace(ROLLUP_FACTS_HOURLY, hour, text, {"hour": hour}, read)
    with store.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
        return store.replace(ROLLUP_FACTS_HOURLY, hour, text, {"hour": hour}, snapshot)


def stored(store: RollupStore) -> Sequence[tuple[int, str]]:
    """The stored facts as hours after MORNING, and entity."""
    with store.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
        rows = snapshot.query(STORED, {}).to_pylist()
    return [((row["metric_hour"] - MORNING) // HOUR, row["entity_id"]) for row in rows]


def runs(store: RollupStore) -> Sequence[dict[str, Any]]:
    """The rows of rollup_runs."""
    with store.snapshot([ROLLUP_RUNS]) as snapshot:
        rows: list[dict[str, Any]] = snapshot.query(
            "SELECT * FROM rollup_runs ORDER BY metric_hour", {}
        ).to_pylist()
        return rows


def raced(*tasks: Any) -> Sequence[BaseException | None]:
    """Run tasks at the same time; the error of each, or None."""
    errors: list[BaseException | None] = [None] * len(tasks)
    start = Barrier(len(tasks))

    def work(index: int) -> None:
        start.wait()
        try:
            tasks[index]()
        except Exception as error:
            errors[index] = error

    threads = [Thread(target=work, args=(index,)) for index in range(len(tasks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return errors


class RollupStoreBehaviour:
    """The behaviour suite."""

    def compact(self, warehouse: Warehouse) -> None:
        """Compact rollup_facts_hourly."""
        warehouse.upkeep().run_once()

    # --- Snapshots

    def test_a_snapshot_has_empty_tables_but_no_missing_ones(self, warehouse: Warehouse) -> None:
        store = warehouse.rollup()
        with store.snapshot([SESSION_EVENTS, SOURCE]) as snapshot:
            assert set(snapshot.versions) == {"analytics.session_events"}
        fill(warehouse, SOURCE, [])
        with store.snapshot([SESSION_EVENTS, SOURCE]) as snapshot:
            assert set(snapshot.versions) == {"analytics.session_events", "lessons.marks"}
            assert snapshot.query("SELECT COUNT(*) AS n FROM marks", {}).to_pylist() == [{"n": 0}]

    def test_a_query_has_unqualified_names_and_named_parameters(self, warehouse: Warehouse) -> None:
        fill(warehouse, SOURCE, [mark("a"), mark("b", 61, value=None), mark("c", 59.5)])
        warehouse.ledger(STREAM).append(batch(event("e", minutes=5)), {0: None}, {0: Progress(1)})
        text = """
        WITH early AS (SELECT id FROM marks WHERE marks.at < :until)
        SELECT m.id, e.id AS event, :text AS given, :number + 1 AS next, m.at FROM marks m
        JOIN early ON early.id = m.id CROSS JOIN session_events AS e ORDER BY m.id
        """
        parameters = {"until": MORNING + HOUR, "text": "it's :until", "number": 2, "unused": True}
        with warehouse.rollup().snapshot([SESSION_EVENTS, SOURCE]) as snapshot:
            rows = snapshot.query(text, parameters).to_pylist()
        assert [(row["id"], row["event"], row["given"], row["next"]) for row in rows] == [
            ("a", "e", "it's :until", 3),
            ("c", "e", "it's :until", 3),
        ]
        assert rows[1]["at"] == MORNING + timedelta(minutes=59.5)
        assert rows[1]["at"].utcoffset() == timedelta(0)

    def test_a_parameter_may_be_null_a_float_or_a_boolean(self, warehouse: Warehouse) -> None:
        text = "SELECT 3 * :rate AS cost, 3 * :none AS nothing, IF(:yes, 1, 0) AS one"
        with warehouse.rollup().snapshot([]) as snapshot:
            row = snapshot.query(text, {"rate": 0.001, "none": None, "yes": True}).to_pylist()[0]
        assert (float(row["cost"]), row["nothing"], row["one"]) == (
            pytest.approx(0.003, rel=1e-15),
            None,
            1,
        )

    def test_a_snapshot_does_not_have_later_rows(self, warehouse: Warehouse) -> None:
        fill(warehouse, SOURCE, [mark("a")])
        store = warehouse.rollup()
        with store.snapshot([SOURCE]) as snapshot:
            fill(warehouse, SOURCE, [mark("b")])
            assert snapshot.query(MARKS, {})["id"].to_pylist() == ["a"]
        with store.snapshot([SOURCE]) as later:
            assert later.query(MARKS, {})["id"].to_pylist() == ["a", "b"]
            assert later.versions["lessons.marks"] > snapshot.versions["lessons.marks"]

    # --- Replacing

    def test_replacing_an_hour_leaves_the_others(self, warehouse: Warehouse) -> None:
        store = warehouse.rollup()
        assert facts(store, "a", "b") == 2
        assert facts(store, "c", hour=MORNING + HOUR) == 1
        assert facts(store, "d") == 1
        assert stored(store) == [(0, "d"), (1, "c")]

    def test_an_hour_may_become_empty(self, warehouse: Warehouse) -> None:
        store = warehouse.rollup()
        facts(store, "a")
        facts(store, "b", hour=MORNING + HOUR)
        assert facts(store) == 0
        assert stored(store) == [(1, "b")]

    def test_facts_are_selected_from_the_snapshot_by_name(self, warehouse: Warehouse) -> None:
        fill(warehouse, SOURCE, [mark("a"), mark("b", 60), mark("c", 59)])
        store = warehouse.rollup()
        with store.snapshot([SOURCE, ROLLUP_FACTS_HOURLY]) as snapshot:
            fill(warehouse, SOURCE, [mark("late")])
            assert (
                store.replace(ROLLUP_FACTS_HOURLY, MORNING, FACTS, {"hour": MORNING}, snapshot) == 2
            )
        assert stored(store) == [(0, "a"), (0, "c")]

    @pytest.mark.parametrize("before", [(), ("a",)], ids=["empty", "with rows"])
    def test_an_hour_that_was_replaced_after_the_snapshot_is_a_concurrent_write(
        self, warehouse: Warehouse, before: Sequence[str]
    ) -> None:
        one, other = warehouse.rollup(), warehouse.rollup()
        facts(one, *before)
        facts(one, "neighbour", hour=MORNING + HOUR)
        with one.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
            facts(other, "theirs")
            with pytest.raises(ConcurrentWrite):
                facts(one, "ours", read=snapshot)
        assert stored(one) == [(0, "theirs"), (1, "neighbour")]

    def test_another_hour_that_was_replaced_after_the_snapshot_does_not_matter(
        self, warehouse: Warehouse
    ) -> None:
        one, other = warehouse.rollup(), warehouse.rollup()
        facts(one, "a")
        facts(one, "b", hour=MORNING + HOUR)
        self.compact(warehouse)
        with one.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
            facts(other, "theirs", hour=MORNING + HOUR)
            facts(one, "ours", read=snapshot)
        assert stored(one) == [(0, "ours"), (1, "theirs")]

    def test_replacing_one_hour_does_not_hide_a_concurrent_write_of_another(
        self, warehouse: Warehouse
    ) -> None:
        one, other = warehouse.rollup(), warehouse.rollup()
        with one.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
            facts(other, "theirs")
            facts(one, "ours", hour=MORNING + HOUR, read=snapshot)
            with pytest.raises(ConcurrentWrite):
                facts(one, "ours", read=snapshot)

    def test_upkeep_after_the_snapshot_does_not_matter(self, warehouse: Warehouse) -> None:
        one = warehouse.rollup()
        facts(one, "a")
        facts(one, "b", hour=MORNING + HOUR)
        with one.snapshot([ROLLUP_FACTS_HOURLY]) as snapshot:
            self.compact(warehouse)
            assert facts(one, "c", read=snapshot) == 1
        assert stored(one) == [(0, "c"), (1, "b")]

    def test_of_two_that_replace_an_hour_at_once_one_wins_or_both_in_turn(
        self, warehouse: Warehouse
    ) -> None:
        one, other = warehouse.rollup(), warehouse.rollup()
        with (
            one.snapshot([ROLLUP_FACTS_HOURLY]) as first,
            other.snapshot([ROLLUP_FACTS_HOURLY]) as second,
        ):
            errors = raced(
                lambda: facts(one, "one", read=first), lambda: facts(other, "other", read=second)
            )
        assert all(isinstance(error, ConcurrentWrite) for error in errors if error is not None)
        assert errors.count(None) <= 1
        assert len(stored(one)) == 1

    def test_hours_replaced_at_once_do_not_disturb_each_other(self, warehouse: Warehouse) -> None:
        facts(warehouse.rollup(), "old")
        facts(warehouse.rollup(), "old", hour=MORNING + HOUR)
        self.compact(warehouse)
        tasks = [
            lambda n=n: facts(warehouse.rollup(), f"new{n}", hour=MORNING + n * HOUR)
            for n in range(3)
        ]
        assert raced(*tasks) == [None, None, None]
        assert stored(warehouse.rollup()) == [(0, "new0"), (1, "new1"), (2, "new2")]

    def test_an_hour_of_a_missing_table_cannot_be_replaced(self, warehouse: Warehouse) -> None:
        store = warehouse.rollup()
        hourly = replace(ROLLUP_FACTS_HOURLY, name="unknown_facts")
        with store.snapshot([hourly]) as snapshot, pytest.raises(TableMissing):
            store.replace(hourly, MORNING, FACTS, {"hour": MORNING}, snapshot)

    # --- Runs

    def test_a_run_replaces_the_expected_one(self, warehouse: Warehouse) -> None:
        store = warehouse.rollup()
        store.upsert_run(run(complete=True, facts=3, source_versions='{"a":1}', error="it's"), None)
        store.upsert_run(run(MORNING + HOUR), None)
        store.upsert_run(run(state="done"), "run-1")
        store.upsert_run(run(run_id="run-2", finished_at=MORNING + HOUR), "run-1")
        found = runs(warehouse.rollup())
        assert [(row["run_id"], row["state"], row["facts"]) for row in found] == [
            ("run-2", "running", None),
            ("run-1", "running", None),
        ]
        assert found[0]["finished_at"] == MORNING + HOUR

    def test_a_superseded_run_is_a_concurrent_write(self, warehouse: Warehouse) -> None:
        store = warehouse.rollup()
        store.upsert_run(run(), None)
        for expected in (None, "run-0"):
            with pytest.raises(ConcurrentWrite):
                store.upsert_run(run(run_id="run-3"), expected)
        with pytest.raises(ConcurrentWrite):
            store.upsert_run(run(MORNING + HOUR), "run-1")
        assert [row["run_id"] for row in runs(store)] == ["run-1"]

    @pytest.mark.parametrize("before", [None, "run-0"])
    def test_of_two_runs_that_claim_an_hour_at_once_one_wins(
        self, warehouse: Warehouse, before: str | None
    ) -> None:
        if before is not None:
            warehouse.rollup().upsert_run(run(run_id=before), None)
        claims = [
            lambda name=name: warehouse.rollup().upsert_run(run(run_id=name), before)
            for name in ("run-1", "run-2")
        ]
        errors = raced(*claims)
        assert sorted(type(error).__name__ for error in errors) == ["ConcurrentWrite", "NoneType"]
        assert [row["run_id"] for row in runs(warehouse.rollup())] == [
            f"run-{errors.index(None) + 1}"
        ]

    # --- Changed rows

    def test_rows_added_since_a_version_are_found(self, warehouse: Warehouse) -> None:
        fill(warehouse, SOURCE, [mark("a", tags=[("k", "v")])])
        store = warehouse.rollup()
        with store.snapshot([SOURCE]) as snapshot:
            since = snapshot.versions["lessons.marks"]
        assert store.added(SOURCE, since, ["id"]).num_rows == 0
        fill(warehouse, SOURCE, [mark("b", 7, tags=[("k", "w")]), mark("a")])
        fill(warehouse, SOURCE, [mark("c")])
        rows = sorted(
            store.added(SOURCE, since, ["id", "at"]).to_pylist(), key=lambda row: row["id"]
        )
        assert [row["id"] for row in rows] == ["a", "b", "c"]
        assert rows[1]["at"] == datetime(2026, 3, 2, 8, 7, tzinfo=UTC)

    # --- Ingested through

    def test_the_ingested_through_time_is_that_of_the_latest_topic_id(
        self, warehouse: Warehouse
    ) -> None:
        store = warehouse.rollup()
        assert store.ingested_through(STREAM.group, STREAM.topic) == {}
        moment = round(MORNING.timestamp() * 1000) + 1
        warehouse.ledger(STREAM).append(
            batch(event("a")),
            {0: None, 1: None},
            {0: Progress(1, ingested_through_ms=moment), 1: Progress(0)},
        )
        assert store.ingested_through(STREAM.group, STREAM.topic) == {
            0: MORNING + timedelta(milliseconds=1),
            1: None,
        }
        recreated = warehouse.ledger(replace(STREAM, topic_id="topic-2"))
        recreated.accept_topic()
        recreated.append(batch(), {0: None}, {0: Progress(0, ingested_through_ms=moment + 9)})
        assert store.ingested_through(STREAM.group, STREAM.topic) == {
            0: MORNING + timedelta(milliseconds=10)
        }
        assert store.ingested_through("another", STREAM.topic) == {}

    def test_without_session_events_nothing_is_ingested(self, warehouse: Warehouse) -> None:
        drop(warehouse, SESSION_EVENTS)
        assert warehouse.rollup().ingested_through(STREAM.group, STREAM.topic) == {}
