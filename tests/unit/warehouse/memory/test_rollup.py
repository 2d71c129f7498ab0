import pytest

from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from tests.support.rollup_store_behaviour import RollupStoreBehaviour


class TestMemoryRollupStore(RollupStoreBehaviour):
    @pytest.fixture
    def warehouse(self):
        return MemoryWarehouse()
