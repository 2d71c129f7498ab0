import pytest

from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from tests.support.delta_faults import QUICK
from tests.support.warehouse_behaviour import WarehouseBehaviour
from tests.support.warehouse_faults import WarehouseFaults, strike_at


class TestDeltaWarehouse(WarehouseBehaviour):
    @pytest.fixture
    def warehouse(self, delta):
        return delta


class TestDeltaWarehouseWithATinyIndex(WarehouseBehaviour):
    @pytest.fixture
    def warehouse(self, delta, root):
        return DeltaWarehouse(root.url, capacity=1, backoff=QUICK)


class TestDeltaWarehouseUnderFaults(WarehouseFaults):
    @pytest.fixture
    def warehouse(self, delta):
        return delta

    @pytest.fixture(params=["before-commit", "committed"])
    def strike(self, request, monkeypatch):
        return strike_at(monkeypatch, request.param)
