import pytest

from classwaves_warehouse.memory import MemoryWarehouse
from tests.support.hours_behaviour import HoursBehaviour


class TestMemoryHours(HoursBehaviour):
    @pytest.fixture
    def warehouse(self):
        return MemoryWarehouse()
