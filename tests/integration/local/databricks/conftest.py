import pytest

from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def _clean_endpoint(databricks):
    """Clear faults and statements between tests."""
    databricks.faults.clear()
    databricks.log.clear()
    yield
    databricks.faults.clear()
    databricks.log.clear()


@pytest.fixture
def cursor(databricks):
    """A cursor of a new session."""
    with databricks.connect() as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def events_table(databricks, cursor):
    """An empty table of two columns."""
    name = "classwaves.analytics.events"
    cursor.execute(f"CREATE TABLE {name} (id STRING NOT NULL, payload STRING) USING DELTA")
    yield name
    # A statement that a failed test left running would write into the next test's table.
    wait_until(
        lambda: all(execution.state != "running" for execution in databricks.log.executions()),
        "no statement is running",
    )
    cursor.execute(f"DROP TABLE {name}")
