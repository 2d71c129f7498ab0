import pytest

from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS
from classwaves_warehouse.errors import TableMissing, VersionGone
from tests.support.reader_behaviour import HOUR, ReaderBehaviour, put
from tests.support.rows import MORNING


@pytest.fixture
def execute(databricks, warehouse):
    """Runs statements; the rollup's tables are empty."""
    with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
        for table in (DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS):
            cursor.execute(f"DELETE FROM {table.qualified_name}")
        yield cursor.execute


class TestDatabricksReader(ReaderBehaviour):
    @pytest.fixture
    def warehouse(self, execute, warehouse):
        return warehouse


def test_a_version_whose_files_were_vacuumed_is_gone(execute, warehouse):
    put(warehouse, ROLLUP_FACTS_HOURLY, 0, "a")
    with warehouse.reader() as reader:
        pinned = reader.pin([ROLLUP_FACTS_HOURLY])
        put(warehouse, ROLLUP_FACTS_HOURLY, 0, "b")
        execute("SET spark.databricks.delta.retentionDurationCheck.enabled = false")
        execute(f"VACUUM {ROLLUP_FACTS_HOURLY.qualified_name} RETAIN 0 HOURS")
        with pytest.raises(VersionGone, match=r"rollup_facts_hourly: version \d+ can no longer"):
            pinned.facts([MORNING])
        assert reader.pin([ROLLUP_FACTS_HOURLY]).facts([MORNING]).num_rows == 1


def test_a_table_that_was_dropped_is_missing(execute, warehouse):
    with warehouse.reader() as reader:
        pinned = reader.pin([DASHBOARD_METRICS_HOURLY])
        execute(f"DROP TABLE {DASHBOARD_METRICS_HOURLY.qualified_name}")
        try:
            with pytest.raises(TableMissing):
                pinned.hourly_rows(MORNING, MORNING + HOUR)
        finally:
            warehouse.tables.migrate()
