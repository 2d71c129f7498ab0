import pytest

from tests.support.warehouse_behaviour import WarehouseBehaviour
from warehouse.delta.backoff import Backoff
from warehouse.delta.warehouse import DeltaWarehouse

QUICK = Backoff(attempts=20, first=0.001, longest=0.01)


class TestDeltaWarehouse(WarehouseBehaviour):
    @pytest.fixture
    def warehouse(self, tmp_path):
        warehouse = DeltaWarehouse(str(tmp_path), backoff=QUICK)
        warehouse.tables.migrate()
        return warehouse


class TestDeltaWarehouseWithATinyIndex(WarehouseBehaviour):
    @pytest.fixture
    def warehouse(self, tmp_path):
        warehouse = DeltaWarehouse(str(tmp_path), capacity=1, backoff=QUICK)
        warehouse.tables.migrate()
        return warehouse
