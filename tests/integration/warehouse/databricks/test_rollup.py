import pytest

from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from classwaves_warehouse.errors import VersionGone
from tests.support.dialect import CASES, PARAMETERS, ROWS, THINGS, plain
from tests.support.rollup_store_behaviour import SOURCE, RollupStoreBehaviour, mark
from tests.support.sources import fill


class TestDatabricksRollupStore(RollupStoreBehaviour):
    """The suite of the memory and Delta adapters, through the real connector on Spark and Delta."""

    @pytest.fixture
    def warehouse(self, databricks, warehouse):
        with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
            for table in (DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS):
                cursor.execute(f"DELETE FROM {table.qualified_name}")
            cursor.execute(f"DROP TABLE IF EXISTS {SOURCE.qualified_name}")
        self.databricks = databricks
        return warehouse

    def compact(self, warehouse):
        """One statement: a whole pass takes many seconds on Spark."""
        with self.databricks.connect(catalog="classwaves") as connection:
            connection.cursor().execute(f"OPTIMIZE {ROLLUP_FACTS_HOURLY.qualified_name}")


@pytest.fixture(scope="module")
def things(databricks, settings):
    with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS dialect.things")
    warehouse = DatabricksWarehouse(settings)
    fill(warehouse, THINGS, ROWS)
    with warehouse.rollup().snapshot([THINGS]) as snapshot:
        yield snapshot


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_spark_answers_as_duckdb_does_after_translation(things, case):
    assert plain(things.query(case.sql, PARAMETERS)) == case.rows


@pytest.fixture
def marks(databricks, settings):
    """The source with two files, and a function that runs statements on it."""
    with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {SOURCE.qualified_name}")
        warehouse = DatabricksWarehouse(settings)
        fill(warehouse, SOURCE, [mark("a", tags=[("k", "v")]), mark("b", 1)])
        fill(warehouse, SOURCE, [mark("c", 2)])
        yield warehouse, cursor.execute


def test_changes_without_compaction_are_found_until_the_version_is_gone(marks):
    warehouse, execute = marks
    hours = warehouse.rollup()
    with hours.snapshot([SOURCE]) as snapshot:
        since = snapshot.versions[SOURCE.qualified_name]

    def changed():
        return sorted(hours.added(SOURCE, since, ["id"])["id"].to_pylist())

    fill(warehouse, SOURCE, [mark("d", 3)])
    execute(f"OPTIMIZE {SOURCE.qualified_name}")
    assert changed() == ["d"]
    execute(f"UPDATE {SOURCE.qualified_name} SET value = 9.0 WHERE id = 'a'")
    execute(f"DELETE FROM {SOURCE.qualified_name} WHERE id = 'b'")
    assert changed() == ["a", "a", "b", "d"]
    with pytest.raises(VersionGone):
        hours.added(SOURCE, 99, ["id"])
    execute("SET spark.databricks.delta.retentionDurationCheck.enabled = false")
    execute(f"VACUUM {SOURCE.qualified_name} RETAIN 0 HOURS")
    with pytest.raises(VersionGone, match=r"lessons.marks: version \d+ can no longer be read"):
        changed()
