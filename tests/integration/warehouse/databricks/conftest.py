import pytest

from classwaves_runtime.retry import RetryPolicy
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse

QUICK = RetryPolicy(attempts=20, first=0.1, longest=1.0)


@pytest.fixture(scope="session")
def settings(databricks):
    return DatabricksSettings.from_environment(databricks.environment)


@pytest.fixture
def warehouse(empty_databricks, settings):
    """A warehouse with empty tables, at an endpoint without faults and with an empty log."""
    return DatabricksWarehouse(settings, QUICK)
