import pytest

from classwaves_warehouse.settings import DedupLimits
from tests.support.warehouse_behaviour import WarehouseBehaviour
from tests.support.warehouse_faults import WarehouseFaults, strike_at


class TestDeltaWarehouse(WarehouseBehaviour):
    @pytest.fixture
    def warehouse(self, delta):
        return delta


class TestDeltaWarehouseWithATinyIndex(WarehouseBehaviour):
    @pytest.fixture
    def warehouse(self, delta, open_delta):
        return open_delta(dedup=DedupLimits(identities=1))


class TestDeltaWarehouseWithItsIndexOnDisk(WarehouseBehaviour):
    @pytest.fixture
    def warehouse(self, delta, open_delta):
        return open_delta(dedup=DedupLimits(in_memory=1))


class TestDeltaWarehouseUnderFaults(WarehouseFaults):
    @pytest.fixture
    def warehouse(self, delta):
        return delta

    @pytest.fixture(params=["before-commit", "committed"])
    def strike(self, request, monkeypatch):
        return strike_at(monkeypatch, request.param)
