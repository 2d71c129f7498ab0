import pytest

from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS
from tests.support.hours_behaviour import SOURCE, HoursBehaviour


class TestDatabricksHours(HoursBehaviour):
    """The suite that memory and Delta pass, through the real connector on real Spark SQL and Delta."""

    @pytest.fixture
    def warehouse(self, databricks, warehouse):
        with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
            for table in (DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS):
                cursor.execute(f"DELETE FROM {table.qualified_name}")
            cursor.execute(f"DROP TABLE IF EXISTS {SOURCE.qualified_name}")
        return warehouse
