from tests.support.warehouse_behaviour import WarehouseBehaviour


class TestDatabricksWarehouse(WarehouseBehaviour):
    """The suite that memory and Delta pass, through the real connector on real Spark SQL and Delta."""
