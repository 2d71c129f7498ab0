import pytest

from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS
from tests.support.dialect import CASES, PARAMETERS, ROWS, THINGS, plain
from tests.support.hours_behaviour import SOURCE, HoursBehaviour
from tests.support.sources import fill
from warehouse.databricks.warehouse import DatabricksWarehouse


class TestDatabricksHours(HoursBehaviour):
    """The suite that memory and Delta pass, through the real connector on real Spark SQL and Delta."""

    @pytest.fixture
    def warehouse(self, databricks, warehouse):
        with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
            for table in (DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS):
                cursor.execute(f"DELETE FROM {table.qualified_name}")
            cursor.execute(f"DROP TABLE IF EXISTS {SOURCE.qualified_name}")
        return warehouse


@pytest.fixture(scope="module")
def things(databricks, settings):
    with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS dialect.things")
    warehouse = DatabricksWarehouse(settings)
    fill(warehouse, THINGS, ROWS)
    with warehouse.hours().snapshot([THINGS]) as snapshot:
        yield snapshot


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_spark_answers_as_duckdb_does_after_translation(things, case):
    assert plain(things.query(case.sql, PARAMETERS)) == case.rows
