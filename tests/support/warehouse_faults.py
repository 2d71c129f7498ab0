"""What every warehouse owes when a writer dies, freezes or is told nothing in the midst of an append.

An adapter's test class inherits this, and gives a `warehouse` and a `strike`: it makes something happen, once, at a
moment of the next append.
"""

from collections.abc import Callable

import pytest

from classwaves_runtime import failpoints
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import Fenced, Ledger, Stored, Warehouse
from tests.support.ledger_model import first_try
from tests.support.rows import STREAM, batch, event

Strike = Callable[[Callable[[], None]], None]

_START = (
    batch(event("a"), event("b", partition=1)),
    {0: None, 1: None},
    {0: Progress(1), 1: Progress(1)},
)
_HERE = [event("a", offset=1), event("c", offset=2)]
_THERE = [event("d", partition=1, offset=1), event("e", partition=1, offset=2)]
_NEXT = batch(*_HERE, _THERE[0]), {0: 1, 1: 1}, {0: Progress(3), 1: Progress(2)}


class Killed(BaseException):
    """The process is no more."""


def die() -> None:
    """SIGKILL, as far as one process can play it."""
    raise Killed


def say_nothing() -> None:
    """The answer is lost on its way."""
    raise WarehouseUnavailable


def strike_at(monkeypatch: pytest.MonkeyPatch, point: str) -> Strike:
    """A strike at a fail point."""
    known = failpoints._points[point]

    def strike(action: Callable[[], None]) -> None:
        def once() -> None:
            known._fault = None
            action()

        monkeypatch.setattr(known, "_fault", once)

    return strike


class WarehouseFaults:
    """The suite of deaths, zombies and unknown outcomes."""

    def test_the_heir_of_a_writer_that_died_in_an_append_stores_the_rest(
        self, warehouse: Warehouse, strike: Strike
    ) -> None:
        doomed, heir = warehouse.ledger(STREAM), warehouse.ledger(STREAM)
        doomed.append(*_START)
        strike(die)
        with pytest.raises(Killed):
            doomed.append(*_NEXT)
        if _positions(heir) == {0: 1, 1: 1}:
            assert first_try(heir.append(*_NEXT)) == Stored(2, duplicates={0: 1})
        assert heir.checkpoints() == {0: Checkpoint(3, 0, duplicates=1), 1: Checkpoint(2, 0)}
        _holds_once(warehouse, "abcd")

    def test_an_append_whose_outcome_is_unknown_is_settled_by_calling_again(
        self, warehouse: Warehouse, strike: Strike
    ) -> None:
        ledger = warehouse.ledger(STREAM)
        ledger.append(*_START)
        strike(say_nothing)
        try:
            answer = ledger.append(*_NEXT)
        except WarehouseUnavailable:
            answer = ledger.append(*_NEXT)
        assert first_try(answer) == Stored(2, duplicates={0: 1})
        assert ledger.checkpoints() == {0: Checkpoint(3, 0, duplicates=1), 1: Checkpoint(2, 0)}
        _holds_once(warehouse, "abcd")

    def test_a_zombie_that_froze_in_an_append_and_lost_a_partition_goes_on_with_the_other_alone(
        self, warehouse: Warehouse, strike: Strike
    ) -> None:
        zombie, heir = warehouse.ledger(STREAM), warehouse.ledger(STREAM)
        zombie.append(*_START)

        def take_over() -> None:
            position = _positions(heir)[1]
            left = [row for row in _THERE if row["kafka_offset"] >= position]
            assert isinstance(heir.append(batch(*left), {1: position}, {1: Progress(3)}), Stored)

        strike(take_over)
        answer = zombie.append(*_NEXT)
        if isinstance(answer, Fenced):
            assert answer == Fenced({1: 3})
            assert first_try(zombie.append(batch(*_HERE), {0: 1}, {0: Progress(3)})) == Stored(
                1, duplicates={0: 1}
            )
        assert zombie.append(batch(), {1: 2}, {1: Progress(2, ingested_through_ms=1)}) == Fenced(
            {1: 3}
        )
        assert heir.checkpoints() == {0: Checkpoint(3, 0, duplicates=1), 1: Checkpoint(3, 0)}
        _holds_once(warehouse, "abcde")


def _positions(ledger: Ledger) -> dict[int, int]:
    return {partition: held.position for partition, held in ledger.checkpoints().items()}


def _holds_once(warehouse: Warehouse, ids: str) -> None:
    assert sorted(row["id"] for row in warehouse.events.timeline("s1").to_pylist()) == list(ids)
