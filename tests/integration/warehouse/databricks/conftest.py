import time

import pytest

from classwaves_warehouse.databricks.patience import Patience
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse

QUICK = Patience(time.sleep, attempts=20, first=0.1, longest=1.0)


@pytest.fixture(scope="session")
def settings(databricks):
    return DatabricksSettings.from_environment(databricks.environment)


@pytest.fixture
def warehouse(empty_databricks, settings):
    """A warehouse with empty tables, at an endpoint without faults that has executed nothing."""
    return DatabricksWarehouse(settings, QUICK)
