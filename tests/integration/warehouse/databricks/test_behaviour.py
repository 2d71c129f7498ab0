"""The suites that memory and Delta pass, through the real connector on real Spark SQL and Delta."""

import pytest

from tests.support.warehouse_behaviour import WarehouseBehaviour
from tests.support.warehouse_faults import WarehouseFaults, strike_at


class TestDatabricksWarehouse(WarehouseBehaviour):
    """Undisturbed."""


class TestDatabricksWarehouseUnderFaults(WarehouseFaults):
    """Cut before, between and after the two statements."""

    @pytest.fixture(params=["adding-rows", "rows-added", "positions-moved"])
    def strike(self, request, monkeypatch):
        return strike_at(monkeypatch, request.param)
