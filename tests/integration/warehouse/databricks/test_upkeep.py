import pytest
from deltalake import DeltaTable

from classwaves_schemas.tables import DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS
from tests.support.upkeep_behaviour import UpkeepBehaviour, fill

COMMITS = 3  # each takes seconds


class TestDatabricksUpkeep(UpkeepBehaviour):
    """The suite of the memory and Delta adapters, through the real connector on Spark and Delta."""

    commits = COMMITS

    @pytest.fixture
    def warehouse(self, databricks, warehouse):
        with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
            for table in (DASHBOARD_METRICS_HOURLY, ROLLUP_FACTS_HOURLY, ROLLUP_RUNS):
                cursor.execute(f"DELETE FROM {table.qualified_name}")
        return warehouse


def test_optimize_and_vacuum_leave_one_file_of_many(databricks, warehouse):
    fill(warehouse, COMMITS)
    assert warehouse.events.size().files == COMMITS
    report = warehouse.upkeep().run_once()[0]
    assert (report.groups, report.files_before) == (1, None)
    files = DeltaTable(databricks.table_folder("analytics", "session_events")).get_add_actions()
    assert files.num_rows == 1
    assert report.bytes == files["size_bytes"][0].as_py()


def test_a_missing_table_has_no_report(databricks, warehouse):
    with databricks.connect(catalog="classwaves") as connection, connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {ROLLUP_RUNS.qualified_name}")
    reports = warehouse.upkeep().run_once()
    assert list(warehouse.tables.migrate()) == ["created analytics.rollup_runs in `classwaves`"]
    assert ROLLUP_RUNS.qualified_name not in [report.table for report in reports]
    assert len(reports) == 4
