import pytest

from tests.support.hours_behaviour import HoursBehaviour
from warehouse.memory import MemoryWarehouse


class TestMemoryHours(HoursBehaviour):
    @pytest.fixture
    def warehouse(self):
        return MemoryWarehouse()
