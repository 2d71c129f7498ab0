import pytest

from tests.support.rows import STREAM, batch, event
from tests.support.warehouse_behaviour import WarehouseBehaviour
from warehouse.checkpoint import Progress
from warehouse.errors import WarehouseUnavailable
from warehouse.memory import MemoryWarehouse
from warehouse.port import Stored


class TestMemoryWarehouse(WarehouseBehaviour):
    @pytest.fixture
    def warehouse(self):
        return MemoryWarehouse()


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_fault_around_a_commit_is_settled_by_calling_again(moment):
    faults = [moment]

    def on_commit(now):
        if now in faults:
            faults.clear()
            raise WarehouseUnavailable

    warehouse = MemoryWarehouse(on_commit)
    ledger = warehouse.ledger(STREAM)
    arguments = batch(event("a"), event("a")), {0: None}, {0: Progress(2)}
    with pytest.raises(WarehouseUnavailable):
        ledger.append(*arguments)
    assert warehouse.events.size().rows == (1 if moment == "after" else 0)
    assert ledger.append(*arguments) == Stored(1, duplicates={0: 1})
    assert warehouse.events.size().rows == 1
