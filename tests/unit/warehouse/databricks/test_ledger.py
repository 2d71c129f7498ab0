"""The protocol against tables in memory: every place where it can be cut, and every reply that can be lost."""

import pytest

from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.errors import TableMissing, WarehouseUnavailable, WarehouseWarming
from classwaves_warehouse.interface import Fenced, Stored
from tests.support.memory_books import MOMENTS
from tests.support.rows import batch, event


class Killed(BaseException):
    """The process is no more."""


FIRST = (
    batch(event("a", offset=0), event("b", offset=1), event("b", offset=2)),
    {0: None},
    {0: Progress(3)},
)
SECOND = batch(event("b", offset=3), event("c", offset=4)), {0: 3}, {0: Progress(5)}


def held(tables):
    (found,) = tables.positions.values()
    return found


def ids(tables):
    return sorted(row["id"] for row in tables.rows)


def test_an_append_costs_one_statement_for_rows_and_one_for_positions(tables, new_ledger):
    ledger = new_ledger()
    assert ledger.append(*FIRST) == Stored(2, duplicates={0: 1})
    assert tables.executed == ["add", "move"]


def test_an_append_without_rows_costs_one_statement(tables, new_ledger):
    new_ledger().append(batch(), {0: None}, {0: Progress(0)})
    assert tables.executed == ["move"]


def test_only_an_append_that_met_repeats_looks_at_the_table(tables, new_ledger):
    ledger = new_ledger()
    ledger.append(*FIRST)
    tables.executed.clear()
    assert ledger.append(*SECOND) == Stored(1, duplicates={0: 1})
    assert tables.executed == ["add", "account", "move"]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_repeat_days_away_in_one_batch_does_not_keep_the_append_from_ending(
    tables, new_ledger, moment
):
    """Its identity is there by the first of them, whoever stored it, and however far its own time is."""
    far = batch(event("a"), event("a", minutes=2 * 24 * 60, offset=1)), {0: None}, {0: Progress(2)}
    tables.due = [("add", moment)]
    answer = new_ledger().append(*far)
    assert (answer.rows, answer.duplicates, answer.conflicting) == (1, {0: 1}, {0: 1})
    tables.let_ghosts_run()
    assert ids(tables) == ["a"]


def test_one_look_settles_an_append_whose_positions_have_moved_unheard(tables, new_ledger):
    tables.due = [("move", "lost after")]
    new_ledger().append(*FIRST)
    assert tables.executed == ["add", "move", "positions"]


@pytest.mark.parametrize("statement", ["add", "account", "move"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_lost_reply_changes_nothing(tables, new_ledger, statement, moment):
    ledger = new_ledger()
    ledger.append(*FIRST)
    tables.due = [(statement, moment)]
    answer = ledger.append(*SECOND)
    assert (answer.rows, answer.duplicates, answer.conflicting) == (1, {0: 1}, {})
    tables.let_ghosts_run()
    assert not tables.due
    assert ids(tables) == ["a", "b", "c"]
    assert held(tables) == {0: Checkpoint(5, 0, duplicates=2)}


@pytest.mark.parametrize("statement", ["add", "account", "move"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_ledger_that_gave_up_settles_the_append_when_called_again(
    tables, new_ledger, statement, moment
):
    ledger = new_ledger(attempts=1)
    ledger.append(*FIRST)
    tables.due = [(statement, moment)]
    with pytest.raises(WarehouseUnavailable):
        ledger.append(*SECOND)
    assert ledger.append(*SECOND) == Stored(1, duplicates={0: 1})
    tables.let_ghosts_run()
    assert ids(tables) == ["a", "b", "c"]
    assert held(tables) == {0: Checkpoint(5, 0, duplicates=2)}


@pytest.mark.parametrize("statement", ["add", "account", "move", "positions"])
def test_a_successor_of_a_process_killed_before_any_statement_stores_the_rest(
    tables, new_ledger, statement
):
    new_ledger().append(*FIRST)

    def kill(name):
        if name == statement:
            raise Killed

    def live():
        doomed = new_ledger()
        doomed.append(*SECOND)
        doomed.checkpoints()

    tables.between = kill
    with pytest.raises(Killed):
        live()
    tables.between = lambda _: None
    heir = new_ledger()
    position = heir.checkpoints()[0].position
    if position == 3:
        heir.append(*SECOND)
    assert ids(tables) == ["a", "b", "c"]
    assert held(tables) == {0: Checkpoint(5, 0, duplicates=2)}


def test_rows_of_a_killed_attempt_are_no_duplicates_when_a_successor_stores_them_again(
    tables, new_ledger
):
    tables.due = [("move", "lost before")]
    with pytest.raises(WarehouseUnavailable):
        new_ledger(attempts=1).append(*FIRST)
    assert new_ledger().append(*FIRST) == Stored(2, duplicates={0: 1})


def test_a_position_that_moves_while_rows_are_on_their_way_leaves_them_to_the_new_owner(
    tables, new_ledger
):
    """The zombie's rows are stored; whose positions count them is settled once."""
    zombie, heir = new_ledger(), new_ledger()
    heir.append(*FIRST)
    more = batch(event("c", offset=3), event("d", offset=4))

    def overtake(name):
        if name == "move":
            tables.between = lambda _: None
            heir.append(batch(event("c", offset=3)), {0: 3}, {0: Progress(4)})

    tables.between = overtake
    assert zombie.append(more, {0: 3}, {0: Progress(5)}) == Fenced({0: 4})
    assert heir.append(batch(event("d", offset=4)), {0: 4}, {0: Progress(5)}) == Stored(1)
    assert ids(tables) == ["a", "b", "c", "d"]
    assert held(tables) == {0: Checkpoint(5, 0, duplicates=1)}


def test_a_zombie_whose_positions_have_moved_adds_no_rows(tables, new_ledger):
    zombie = new_ledger()
    new_ledger().append(*FIRST)
    assert zombie.append(batch(event("x")), {0: None}, {0: Progress(1)}) == Fenced({0: 3})
    assert ids(tables) == ["a", "b"]


def test_rows_that_the_server_did_not_read_keep_the_positions_where_they_are(
    tables, new_ledger, monkeypatch
):
    """A text that is parsed into nothing looks like a batch of nothing but repeats."""
    ledger = new_ledger(attempts=3)
    monkeypatch.setattr(ledger._books, "add", lambda *_: 0)
    with pytest.raises(WarehouseUnavailable, match="rows or positions were not taken"):
        ledger.append(*FIRST)
    assert tables.positions == {}


def test_a_warehouse_that_warms_up_is_reported_at_once(tables, new_ledger):
    ledger = new_ledger()

    def starting(_name):
        tables.executed.append("asked")
        raise WarehouseWarming

    tables.between = starting
    with pytest.raises(WarehouseWarming):
        ledger.append(*FIRST)
    assert tables.executed == ["asked"]


def test_tables_are_checked_before_the_first_statement_until_they_could_be(new_ledger):
    ledger = new_ledger(attempts=1)
    failures = [WarehouseUnavailable("not now"), TableMissing("session_events does not exist")]

    def check():
        if failures:
            raise failures.pop(0)

    ledger._check = check
    for expected in (WarehouseUnavailable, TableMissing):
        with pytest.raises(expected):
            ledger.checkpoints()
    assert ledger.checkpoints() == {}
