import pytest

from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from tests.support.reader_behaviour import ReaderBehaviour


class TestMemoryReader(ReaderBehaviour):
    @pytest.fixture
    def warehouse(self):
        return MemoryWarehouse()
