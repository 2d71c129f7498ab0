"""The behaviour suite of upkeep: a test class inherits it and adds a `warehouse` fixture.

The warehouse has its tables, empty.
"""

from classwaves_schemas.tables import SESSION_EVENTS, TABLES
from classwaves_warehouse.batch import in_table_order
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.interface import Stored, Warehouse
from tests.support.rollup_store_behaviour import HOUR, facts, run, runs
from tests.support.rollup_store_behaviour import stored as stored_facts
from tests.support.rows import MORNING, STREAM, batch, event, table, timeline

COMMITS = 10


def fill(warehouse: Warehouse, commits: int = COMMITS) -> list[dict[str, object]]:
    """Append some batches to session_events with one ledger; return all rows."""
    ledger = warehouse.ledger(STREAM)
    rows: list[dict[str, object]] = []
    for number in range(commits):
        rows += [
            event(f"{number}-a", minutes=10 - number, offset=2 * number),
            event(f"{number}-b", minutes=number, offset=2 * number + 1, payload=None),
        ]
        expected = None if number == 0 else 2 * number
        answer = ledger.append(
            batch(*rows[-2:]), {0: expected}, {0: Progress(2 * number + 2, first_offset=0)}
        )
        assert isinstance(answer, Stored)
    return rows


class UpkeepBehaviour:
    """The behaviour suite. A pass takes many seconds on Spark, so each test has only one.

    `commits` is how many of them a pass finds.
    """

    commits = COMMITS

    def test_a_pass_changes_no_row_no_checkpoint_and_fences_no_writer(
        self, warehouse: Warehouse
    ) -> None:
        rows = fill(warehouse, self.commits)
        store, writing = warehouse.rollup(), warehouse.ledger(STREAM)
        checkpoints = writing.checkpoints()
        with store.snapshot([SESSION_EVENTS]) as snapshot:
            since = snapshot.versions[SESSION_EVENTS.qualified_name]
        before = warehouse.events.size()
        warehouse.upkeep().run_once()
        assert timeline(warehouse, "s1").equals(in_table_order(table(*rows)))
        size = warehouse.events.size()
        assert size.rows == before.rows
        assert size.files <= before.files
        assert store.added(SESSION_EVENTS, since, ["id"]).num_rows == 0
        assert warehouse.ledger(STREAM).checkpoints() == checkpoints
        end = 2 * self.commits
        repeat = event("2-b", minutes=2, payload=None, offset=end)
        answer = writing.append(
            batch(repeat, event("new", offset=end + 1)), {0: end}, {0: Progress(end + 2)}
        )
        assert answer == Stored(1, duplicates={0: 1})

    def test_a_new_writer_finds_repeats_of_events_that_were_rewritten(
        self, warehouse: Warehouse
    ) -> None:
        fill(warehouse, self.commits)
        warehouse.upkeep().run_once()
        end = 2 * self.commits
        repeat = event("2-b", minutes=2, payload=None, offset=end)
        answer = warehouse.ledger(STREAM).append(batch(repeat), {0: end}, {0: Progress(end + 1)})
        assert answer == Stored(0, duplicates={0: 1})

    def test_a_pass_reports_each_table_and_changes_no_row_of_the_rollup(
        self, warehouse: Warehouse
    ) -> None:
        store = warehouse.rollup()
        for number in range(3):
            facts(store, f"e{number}", hour=MORNING + number * HOUR)
            store.upsert_run(run(MORNING + number * HOUR), None)
        reports = warehouse.upkeep().run_once()
        assert stored_facts(store) == [(number, f"e{number}") for number in range(3)]
        assert len(runs(store)) == 3
        names = [report.table for report in reports]
        assert names[: len(TABLES)] == [each.qualified_name for each in TABLES]
        assert len(set(names)) == len(names)
        assert all(report.lost == 0 and not report.unfinished for report in reports)
