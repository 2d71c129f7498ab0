"""The behaviour suite of readers: a test class inherits it and adds a `warehouse` fixture.

The warehouse has its own tables, empty.
"""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from classwaves_schemas.tables import (
    DASHBOARD_METRICS_HOURLY,
    ROLLUP_FACTS_HOURLY,
    SESSION_EVENTS,
    Table,
)
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import AnswerTooLarge, TableMissing, WarehouseError
from classwaves_warehouse.interface import Warehouse
from classwaves_warehouse.reading import TimelineKey
from tests.support.rollup_store_behaviour import HOUR
from tests.support.rows import MORNING, STREAM, batch, event

HOURLY = """
SELECT CONCAT(v, '-', CAST(:hour AS STRING)) AS id, v AS school_id, :hour AS metric_hour {columns}
FROM (VALUES {schools}) AS listed(v)
"""
FACTS = """
SELECT :hour AS metric_hour, v AS school_id, 'marks' AS source, 'mark' AS fact, 'e' AS entity_id,
    1.5D AS amount, CAST(NULL AS DOUBLE) AS weight
FROM (VALUES {schools}) AS listed(v)
"""
IN_ORDER = [
    event("9", minutes=1),
    event("8", minutes=1, source="a"),
    event("7", minutes=1, source="a", sequence=1),
    event("5", minutes=1, source="a", sequence=2),
    event("6", minutes=1, source="a", sequence=2),
    event("4", minutes=1, source="b", sequence=1),
    event("3", minutes=2),
    event("2", minutes=2, source=""),
    event("1", minutes=3),
]


def put(warehouse: Warehouse, table: Table, hour: int, *schools: str) -> None:
    """Replace an hour, so many after MORNING, by a row of each school."""
    others = set(table.column_names) - {"id", "school_id", "metric_hour"}
    columns = "".join(
        f", CAST(NULL AS {column.type}) AS {column.name}"
        for column in table.columns
        if column.name in others
    )
    text = FACTS if table is ROLLUP_FACTS_HOURLY else HOURLY
    listed = ", ".join(f'("{school}")' for school in schools)
    start, store = MORNING + hour * HOUR, warehouse.rollup()
    with store.snapshot([table]) as read:
        store.replace(
            table, start, text.format(schools=listed, columns=columns), {"hour": start}, read
        )


def places(rows: Any) -> list[tuple[int, str]]:
    """The rows as hours after MORNING, and school."""
    return [((row["metric_hour"] - MORNING) // HOUR, row["school_id"]) for row in rows.to_pylist()]


class ReaderBehaviour:
    """The behaviour suite."""

    def test_a_timeline_is_read_in_pages_of_any_size(self, warehouse: Warehouse) -> None:
        other = event("0", session_id="s2", minutes=1)
        warehouse.ledger(STREAM).append(
            batch(*reversed(IN_ORDER), other), {0: None}, {0: Progress(9)}
        )
        ids = [row["id"] for row in IN_ORDER]
        with warehouse.reader() as reader:
            pinned = reader.pin([SESSION_EVENTS])
            assert pinned.timeline("s1", 99)["id"].to_pylist() == ids
            assert pinned.timeline("s1", 4)["id"].to_pylist() == ids[:4]
            for row, then in pairwise(IN_ORDER):
                after = TimelineKey(
                    row["event_time"], row.get("source"), row.get("sequence"), row["id"]
                )
                assert pinned.timeline("s1", 1, after)["id"].to_pylist() == [then["id"]]
            last = TimelineKey(IN_ORDER[-1]["event_time"], None, None, "1")
            assert pinned.timeline("s1", 1, last).num_rows == 0

    def test_hourly_rows_are_those_of_a_half_open_range_and_of_the_schools(
        self, warehouse: Warehouse
    ) -> None:
        for hour in range(3):
            put(warehouse, DASHBOARD_METRICS_HOURLY, hour, "b", "a", "it's")
        with warehouse.reader() as reader:
            pinned = reader.pin([DASHBOARD_METRICS_HOURLY])
            first, end = MORNING + HOUR, MORNING + 3 * HOUR
            every = pinned.hourly_rows(first, end)
            assert places(every) == [(h, s) for h in (1, 2) for s in ("a", "b", "it's")]
            assert every.column_names == list(DASHBOARD_METRICS_HOURLY.column_names)
            assert places(pinned.hourly_rows(first, first + HOUR, ["b", "it's", "x"])) == [
                (1, "b"),
                (1, "it's"),
            ]
            assert pinned.hourly_rows(end, end + HOUR).num_rows == 0
            assert pinned.hourly_rows(first, end, []).num_rows == 0

    def test_facts_are_those_of_the_hours_and_of_the_schools(self, warehouse: Warehouse) -> None:
        for hour in range(5):
            put(warehouse, ROLLUP_FACTS_HOURLY, hour, "b", "a")
        with warehouse.reader() as reader:
            pinned = reader.pin([ROLLUP_FACTS_HOURLY])
            hours = [MORNING + hour * HOUR for hour in (4, 0, 1, 9)]
            assert places(pinned.facts(hours)) == [(h, s) for h in (0, 1, 4) for s in ("a", "b")]
            assert places(pinned.facts(hours, ["b"])) == [(0, "b"), (1, "b"), (4, "b")]
            assert pinned.facts([]).num_rows == 0

    def test_pinned_tables_do_not_change_and_tables_that_are_pinned_again_do(
        self, warehouse: Warehouse
    ) -> None:
        tables = [SESSION_EVENTS, DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY]
        warehouse.ledger(STREAM).append(batch(event("a")), {0: None}, {0: Progress(1)})
        put(warehouse, ROLLUP_FACTS_HOURLY, 0, "a")
        put(warehouse, DASHBOARD_METRICS_HOURLY, 0, "a")
        with warehouse.reader() as reader:
            old = reader.pin(tables)
            warehouse.ledger(STREAM).append(batch(event("b")), {0: 1}, {0: Progress(2)})
            put(warehouse, ROLLUP_FACTS_HOURLY, 0, "b")
            put(warehouse, DASHBOARD_METRICS_HOURLY, 0, "b")
            new = reader.pin(tables)
            for pinned, ids, school in ((old, ["a"], "a"), (new, ["a", "b"], "b")):
                assert sorted(pinned.timeline("s1", 9)["id"].to_pylist()) == ids
                assert places(pinned.facts([MORNING])) == [(0, school)]
                assert places(pinned.hourly_rows(MORNING, MORNING + HOUR)) == [(0, school)]
        assert old.versions.keys() == {table.qualified_name for table in tables}
        assert all(old.versions[name] < version for name, version in new.versions.items())

    def test_an_answer_with_too_many_rows_is_refused(self, warehouse: Warehouse) -> None:
        put(warehouse, DASHBOARD_METRICS_HOURLY, 0, "a", "b")
        with warehouse.reader(max_rows=1) as reader:
            pinned = reader.pin([DASHBOARD_METRICS_HOURLY])
            end = MORNING + HOUR
            assert pinned.hourly_rows(MORNING, end, ["a"]).num_rows == 1
            with pytest.raises(
                AnswerTooLarge, match=r"dashboard_metrics_hourly.*more than 1 rows.*fewer hours"
            ):
                pinned.hourly_rows(MORNING, end)

    def test_a_read_with_too_many_schools_or_stretches_is_wrong(self, warehouse: Warehouse) -> None:
        with warehouse.reader() as reader:
            pinned = reader.pin([ROLLUP_FACTS_HOURLY])
            with pytest.raises(ValueError, match="101 schools"):
                pinned.facts([MORNING], [str(number) for number in range(101)])
            with pytest.raises(ValueError, match="101 stretches of hours"):
                pinned.facts([MORNING + 2 * number * HOUR for number in range(101)])

    def test_a_table_that_was_not_pinned_is_missing(self, warehouse: Warehouse) -> None:
        with warehouse.reader() as reader:
            pinned = reader.pin([ROLLUP_FACTS_HOURLY])
            with pytest.raises(TableMissing, match=r"session_events.*not pinned"):
                pinned.timeline("s1", 1)
            assert pinned.facts([MORNING + timedelta(days=1)]).num_rows == 0

    def test_a_statement_sees_the_pinned_versions_of_several_tables(
        self, warehouse: Warehouse
    ) -> None:
        warehouse.ledger(STREAM).append(batch(event("a")), {0: None}, {0: Progress(1)})
        put(warehouse, ROLLUP_FACTS_HOURLY, 0, "a")
        with warehouse.reader() as reader:
            pinned = reader.pin([SESSION_EVENTS, ROLLUP_FACTS_HOURLY])
            assert pinned.timeline("s1", 9).num_rows == 1
            warehouse.ledger(STREAM).append(batch(event("b")), {0: 1}, {0: Progress(2)})
            put(warehouse, ROLLUP_FACTS_HOURLY, 0, "b", "c")
            reader.pin([SESSION_EVENTS, ROLLUP_FACTS_HOURLY])
            both = """
            SELECT session_events.id, rollup_facts_hourly.school_id
            FROM session_events CROSS JOIN rollup_facts_hourly
            WHERE metric_hour = :hour
            """
            rows = pinned.query(both, {"hour": MORNING}).to_pylist()
            assert rows == [{"id": "a", "school_id": "a"}]

    def test_a_statement_on_a_table_that_was_not_pinned_is_refused(
        self, warehouse: Warehouse
    ) -> None:
        with warehouse.reader() as reader:
            reader.pin([SESSION_EVENTS]).timeline("s1", 1)
            pinned = reader.pin([ROLLUP_FACTS_HOURLY])
            with pytest.raises(WarehouseError):
                pinned.query("SELECT id FROM session_events", {})

    def test_changes_since_a_version_end_at_the_pinned_one(self, warehouse: Warehouse) -> None:
        def add(position: int, name: str) -> None:
            row = batch(event(name, minutes=position))
            warehouse.ledger(STREAM).append(row, {0: position or None}, {0: Progress(position + 1)})

        add(0, "a")
        with warehouse.reader() as reader:
            first = reader.pin([SESSION_EVENTS])
            since = first.versions[SESSION_EVENTS.qualified_name]
            add(1, "b")
            add(2, "c")
            second = reader.pin([SESSION_EVENTS])
            add(3, "d")
            assert first.added(SESSION_EVENTS, since, ["id"]).num_rows == 0
            changed = second.added(SESSION_EVENTS, since, ["id", "event_time"])
            assert sorted(changed["id"].to_pylist()) == ["b", "c"]
            assert changed.column_names == ["id", "event_time"]
            with pytest.raises(TableMissing, match=r"rollup_facts_hourly.*not pinned"):
                second.added(ROLLUP_FACTS_HOURLY, 0, ["school_id"])
