import pytest

from tests.support.waiting import wait_until


@pytest.fixture(autouse=True)
def _undisturbed(databricks):
    """No test's faults or statements reach the next one."""
    databricks.faults.clear()
    databricks.log.clear()
    yield
    databricks.faults.clear()
    databricks.log.clear()


@pytest.fixture
def cursor(databricks):
    """A cursor of a session of its own."""
    with databricks.connect() as connection, connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def events_table(databricks, cursor):
    """An empty table of two columns."""
    name = "classwaves.analytics.events"
    cursor.execute(f"CREATE TABLE {name} (id STRING NOT NULL, payload STRING) USING DELTA")
    yield name
    # What a failed test left running would write into the folder of the next one's table.
    wait_until(
        lambda: all(entry.state != "running" for entry in databricks.log.entries()),
        "no statement runs any more",
    )
    cursor.execute(f"DROP TABLE {name}")
