import pytest

from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from tests.support.upkeep_behaviour import UpkeepBehaviour


class TestMemoryUpkeep(UpkeepBehaviour):
    @pytest.fixture
    def warehouse(self):
        return MemoryWarehouse()
