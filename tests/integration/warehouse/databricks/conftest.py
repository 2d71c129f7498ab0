import time

import pytest

from warehouse.databricks.patience import Patience
from warehouse.databricks.settings import DatabricksSettings
from warehouse.databricks.warehouse import DatabricksWarehouse

QUICK = Patience(time.sleep, attempts=20, first=0.1, longest=1.0)


@pytest.fixture(scope="session")
def settings(databricks):
    return DatabricksSettings.from_environment(databricks.environment)


@pytest.fixture(scope="session")
def migrated(databricks, settings):
    """Tables, made once: emptying them takes a second, making them ten."""
    databricks.drop_tables()
    DatabricksWarehouse(settings).tables.migrate()


@pytest.fixture
def warehouse(databricks, settings, migrated):
    """A warehouse with empty tables, and an endpoint without faults that has executed nothing."""
    databricks.faults.clear()
    with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
        for table in ("session_events", "ingestor_positions"):
            cursor.execute(f"DELETE FROM analytics.{table}")
    databricks.log.clear()
    return DatabricksWarehouse(settings, QUICK)
