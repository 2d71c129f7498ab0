"""The fault suite of warehouses: writers that die, freeze or lose an answer during an append.

A test class inherits it and adds the fixtures `warehouse` and `strike`. `strike` runs an action
once, at some point of the next append.
"""

from collections.abc import Callable

import pytest

from classwaves_runtime import failpoints
from classwaves_warehouse.checkpoint import Checkpoint, Progress
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import Fenced, Ledger, Stored, Warehouse
from classwaves_warehouse.offset_sums import OffsetSums
from tests.support.ledger_model import first_try
from tests.support.rows import STREAM, batch, event, timeline

Strike = Callable[[Callable[[], None]], None]

_START = (
    batch(event("a"), event("b", partition=1)),
    {0: None, 1: None},
    {0: Progress(1), 1: Progress(1)},
)
_ROWS_OF_0 = [event("a", offset=1), event("c", offset=2)]
_ROWS_OF_1 = [event("d", partition=1, offset=1), event("e", partition=1, offset=2)]
_NEXT = batch(*_ROWS_OF_0, _ROWS_OF_1[0]), {0: 1, 1: 1}, {0: Progress(3), 1: Progress(2)}


class Killed(BaseException):
    """Simulates SIGKILL."""


def die() -> None:
    """End the append as SIGKILL does."""
    raise Killed


def lose_answer() -> None:
    """Lose the answer of a call."""
    raise WarehouseUnavailable


def strike_at(monkeypatch: pytest.MonkeyPatch, point: str) -> Strike:
    """Strikes at a fail point."""
    fail_point = failpoints._points[point]

    def strike(action: Callable[[], None]) -> None:
        def once() -> None:
            fail_point._fault = None
            action()

        monkeypatch.setattr(fail_point, "_fault", once)

    return strike


class WarehouseFaults:
    """The fault suite."""

    def test_the_successor_of_a_killed_writer_stores_the_rest(
        self, warehouse: Warehouse, strike: Strike
    ) -> None:
        killed, successor = warehouse.ledger(STREAM), warehouse.ledger(STREAM)
        killed.append(*_START)
        strike(die)
        with pytest.raises(Killed):
            killed.append(*_NEXT)
        if _positions(successor) == {0: 1, 1: 1}:
            assert first_try(successor.append(*_NEXT)) == Stored(2, duplicates={0: 1})
        assert successor.checkpoints() == {
            0: Checkpoint(3, 0, duplicates=OffsetSums.of([1])),
            1: Checkpoint(2, 0),
        }
        _assert_stored_once(warehouse, "abcd")

    def test_an_unknown_outcome_is_settled_by_calling_again(
        self, warehouse: Warehouse, strike: Strike
    ) -> None:
        ledger = warehouse.ledger(STREAM)
        ledger.append(*_START)
        strike(lose_answer)
        try:
            answer = ledger.append(*_NEXT)
        except WarehouseUnavailable:
            answer = ledger.append(*_NEXT)
        assert first_try(answer) == Stored(2, duplicates={0: 1})
        assert ledger.checkpoints() == {
            0: Checkpoint(3, 0, duplicates=OffsetSums.of([1])),
            1: Checkpoint(2, 0),
        }
        _assert_stored_once(warehouse, "abcd")

    def test_a_zombie_that_lost_a_partition_continues_with_the_other(
        self, warehouse: Warehouse, strike: Strike
    ) -> None:
        zombie, successor = warehouse.ledger(STREAM), warehouse.ledger(STREAM)
        zombie.append(*_START)

        def take_over() -> None:
            position = _positions(successor)[1]
            left = [row for row in _ROWS_OF_1 if row["kafka_offset"] >= position]
            assert isinstance(
                successor.append(batch(*left), {1: position}, {1: Progress(3)}), Stored
            )

        strike(take_over)
        answer = zombie.append(*_NEXT)
        if isinstance(answer, Fenced):
            assert answer == Fenced({1: 3})
            assert first_try(zombie.append(batch(*_ROWS_OF_0), {0: 1}, {0: Progress(3)})) == Stored(
                1, duplicates={0: 1}
            )
        assert zombie.append(batch(), {1: 2}, {1: Progress(2, ingested_through_ms=1)}) == Fenced(
            {1: 3}
        )
        assert successor.checkpoints() == {
            0: Checkpoint(3, 0, duplicates=OffsetSums.of([1])),
            1: Checkpoint(3, 0),
        }
        _assert_stored_once(warehouse, "abcde")


def _positions(ledger: Ledger) -> dict[int, int]:
    return {partition: each.position for partition, each in ledger.checkpoints().items()}


def _assert_stored_once(warehouse: Warehouse, ids: str) -> None:
    assert sorted(row["id"] for row in timeline(warehouse, "s1").to_pylist()) == list(ids)
