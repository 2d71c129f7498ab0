import pytest
from hypothesis import settings

from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import WarehouseUnavailable
from classwaves_warehouse.interface import Stored
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from tests.support.rows import STREAM, batch, event
from tests.support.warehouse_behaviour import WarehouseBehaviour
from tests.support.warehouse_faults import WarehouseFaults
from tests.support.warehouse_machine import WarehouseMachine


class Faults:
    """Raises once, at the moment that was asked for."""

    def __init__(self) -> None:
        self.due: str | None = None

    def on_commit(self, moment: str) -> None:
        if moment == self.due:
            self.due = None
            raise WarehouseUnavailable


class TestMemoryWarehouse(WarehouseBehaviour):
    @pytest.fixture
    def warehouse(self):
        return MemoryWarehouse()


class TestMemoryWarehouseUnderFaults(WarehouseFaults):
    @pytest.fixture
    def due(self):
        return []

    @pytest.fixture
    def warehouse(self, due):
        return MemoryWarehouse(
            lambda moment: due.pop()[1]() if due and due[0][0] == moment else None
        )

    @pytest.fixture(params=["before", "after"])
    def strike(self, request, due):
        return lambda action: due.append((request.param, action))


class MemoryMachine(WarehouseMachine):
    def open(self):
        self.faults = Faults()
        return MemoryWarehouse(self.faults.on_commit)

    def fail_next_commit(self, moment):
        self.faults.due = moment


TestMemoryMachine = MemoryMachine.TestCase
TestMemoryMachine.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_fault_around_a_commit_is_settled_by_calling_again(moment):
    faults = Faults()
    faults.due = moment
    warehouse = MemoryWarehouse(faults.on_commit)
    ledger = warehouse.ledger(STREAM)
    arguments = batch(event("a"), event("a")), {0: None}, {0: Progress(2)}
    with pytest.raises(WarehouseUnavailable):
        ledger.append(*arguments)
    assert warehouse.events.size().rows == (1 if moment == "after" else 0)
    assert ledger.append(*arguments) == Stored(1, duplicates={0: 1})
    assert warehouse.events.size().rows == 1
