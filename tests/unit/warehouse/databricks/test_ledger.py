"""The append protocol on tables in memory: each interruption and each lost reply."""

import pytest

from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.errors import TableMissing, WarehouseUnavailable, WarehouseWarming
from classwaves_warehouse.interface import Fenced, Stored
from classwaves_warehouse.offset_sums import OffsetSums
from tests.support.memory_ledger_tables import FAULTS, MemoryLedgerTables
from tests.support.rows import batch, event


class Killed(BaseException):
    """The process was killed."""


FIRST = (
    batch(event("a", offset=0), event("b", offset=1), event("b", offset=2)),
    {0: None},
    {0: Progress(3)},
)
SECOND = batch(event("b", offset=3), event("c", offset=4)), {0: 3}, {0: Progress(5)}


def checkpoints(tables):
    (stored,) = tables.positions.values()
    return stored


def ids(tables):
    return sorted(row["id"] for row in tables.rows)


def test_an_append_costs_one_statement_for_rows_and_one_for_positions(tables, new_ledger):
    ledger = new_ledger()
    assert ledger.append(*FIRST) == Stored(2, duplicates={0: 1})
    assert tables.executed == ["insert_rows", "update_positions"]


def test_an_append_without_rows_costs_one_statement(tables, new_ledger):
    new_ledger().append(batch(), {0: None}, {0: Progress(0)})
    assert tables.executed == ["update_positions"]


def test_only_an_append_with_repeats_reads_the_row_outcomes(tables, new_ledger):
    ledger = new_ledger()
    ledger.append(*FIRST)
    tables.executed.clear()
    assert ledger.append(*SECOND) == Stored(1, duplicates={0: 1})
    assert tables.executed == ["insert_rows", "row_outcomes", "update_positions"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_repeat_days_away_in_one_batch_does_not_block_the_append(tables, new_ledger, fault):
    """The first of the two rows stores the identity, however far apart their times are."""
    far = batch(event("a"), event("a", minutes=2 * 24 * 60, offset=1)), {0: None}, {0: Progress(2)}
    tables.faults = [("insert_rows", fault)]
    answer = new_ledger().append(*far)
    assert (answer.rows, answer.duplicates, answer.conflicting) == (1, {0: 1}, {0: 1})
    tables.run_late_statements()
    assert ids(tables) == ["a"]


def test_one_read_confirms_an_append_whose_position_reply_was_lost(tables, new_ledger):
    tables.faults = [("update_positions", "lost after")]
    new_ledger().append(*FIRST)
    assert tables.executed == ["insert_rows", "update_positions", "checkpoints"]


@pytest.mark.parametrize("statement", ["insert_rows", "row_outcomes", "update_positions"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_lost_reply_changes_nothing(tables, new_ledger, statement, fault):
    ledger = new_ledger()
    ledger.append(*FIRST)
    tables.faults = [(statement, fault)]
    answer = ledger.append(*SECOND)
    assert (answer.rows, answer.duplicates, answer.conflicting) == (1, {0: 1}, {})
    tables.run_late_statements()
    assert not tables.faults
    assert ids(tables) == ["a", "b", "c"]
    assert checkpoints(tables) == {0: Checkpoint(5, 0, duplicates=OffsetSums.of([2, 3]))}


@pytest.mark.parametrize("statement", ["insert_rows", "row_outcomes", "update_positions"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_second_call_finishes_an_append_that_ran_out_of_attempts(
    tables, new_ledger, statement, fault
):
    ledger = new_ledger(attempts=1)
    ledger.append(*FIRST)
    tables.faults = [(statement, fault)]
    with pytest.raises(WarehouseUnavailable):
        ledger.append(*SECOND)
    assert ledger.append(*SECOND) == Stored(1, duplicates={0: 1})
    tables.run_late_statements()
    assert ids(tables) == ["a", "b", "c"]
    assert checkpoints(tables) == {0: Checkpoint(5, 0, duplicates=OffsetSums.of([2, 3]))}


@pytest.mark.parametrize(
    "statement", ["insert_rows", "row_outcomes", "update_positions", "checkpoints"]
)
def test_a_successor_of_a_process_killed_before_any_statement_stores_the_rest(
    tables, new_ledger, statement
):
    new_ledger().append(*FIRST)

    def kill(name):
        if name == statement:
            raise Killed

    def append_and_read():
        killed = new_ledger()
        killed.append(*SECOND)
        killed.checkpoints()

    tables.before_each = kill
    with pytest.raises(Killed):
        append_and_read()
    tables.before_each = lambda _: None
    successor = new_ledger()
    position = successor.checkpoints()[0].position
    if position == 3:
        successor.append(*SECOND)
    assert ids(tables) == ["a", "b", "c"]
    assert checkpoints(tables) == {0: Checkpoint(5, 0, duplicates=OffsetSums.of([2, 3]))}


def test_rows_of_a_failed_attempt_are_no_duplicates_for_its_successor(tables, new_ledger):
    tables.faults = [("update_positions", "lost before")]
    with pytest.raises(WarehouseUnavailable):
        new_ledger(attempts=1).append(*FIRST)
    assert new_ledger().append(*FIRST) == Stored(2, duplicates={0: 1})


def test_a_position_that_changes_after_the_rows_leaves_them_to_the_new_owner(tables, new_ledger):
    """The zombie's rows are stored, and only the new owner's positions count them."""
    zombie, owner = new_ledger(), new_ledger()
    owner.append(*FIRST)
    more = batch(event("c", offset=3), event("d", offset=4))

    def overtake(name):
        if name == "update_positions":
            tables.before_each = lambda _: None
            owner.append(batch(event("c", offset=3)), {0: 3}, {0: Progress(4)})

    tables.before_each = overtake
    assert zombie.append(more, {0: 3}, {0: Progress(5)}) == Fenced({0: 4})
    assert owner.append(batch(event("d", offset=4)), {0: 4}, {0: Progress(5)}) == Stored(1)
    assert ids(tables) == ["a", "b", "c", "d"]
    assert checkpoints(tables) == {0: Checkpoint(5, 0, duplicates=OffsetSums.of([2]))}


def test_a_zombie_whose_positions_have_changed_inserts_no_rows(tables, new_ledger):
    zombie = new_ledger()
    new_ledger().append(*FIRST)
    assert zombie.append(batch(event("x")), {0: None}, {0: Progress(1)}) == Fenced({0: 3})
    assert ids(tables) == ["a", "b"]


class TablesThatParseNoRows(MemoryLedgerTables):
    def insert_rows(self, rows, expected):
        return 0


def test_rows_that_the_server_did_not_parse_leave_the_positions_unchanged(tables, new_ledger):
    """JSON that is parsed into no rows looks like a batch of repeats."""
    ledger = new_ledger(attempts=3, ledger_tables=TablesThatParseNoRows)
    with pytest.raises(WarehouseUnavailable, match="rows or positions were not written"):
        ledger.append(*FIRST)
    assert tables.positions == {}


def test_a_cold_start_is_reported_at_once(tables, new_ledger):
    ledger = new_ledger()

    def starting(_name):
        tables.executed.append("asked")
        raise WarehouseWarming

    tables.before_each = starting
    with pytest.raises(WarehouseWarming):
        ledger.append(*FIRST)
    assert tables.executed == ["asked"]


def test_tables_are_checked_before_the_first_statement_until_the_check_succeeds(new_ledger):
    failures = [WarehouseUnavailable("not now"), TableMissing("session_events does not exist")]

    def check():
        if failures:
            raise failures.pop(0)

    ledger = new_ledger(attempts=1, check=check)
    for expected in (WarehouseUnavailable, TableMissing):
        with pytest.raises(expected):
            ledger.checkpoints()
    assert ledger.checkpoints() == {}
