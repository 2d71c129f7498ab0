from types import SimpleNamespace

import pytest

from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.errors import TableMissing
from demo.errors import TableInUse
from demo.proof import CatalogTable
from demo.settings import DATABRICKS, DemoSettings


@pytest.fixture
def catalog():
    """A catalog whose session_events has this many rows, or does not exist."""

    def make(host, rows):
        def size():
            if rows is None:
                raise TableMissing
            return SimpleNamespace(rows=rows)

        def open_warehouse(_settings):
            return SimpleNamespace(events=SimpleNamespace(size=size))

        given = {"DATABRICKS_HOST": host, "DATABRICKS_WAREHOUSE_ID": "abc", "DATABRICKS_TOKEN": "t"}
        return CatalogTable(DatabricksSettings.from_environment(given), open_warehouse)

    return make


def test_events_that_are_made_up_do_not_come_among_those_of_a_workspace(catalog):
    with pytest.raises(
        TableInUse, match=r"classwaves\.analytics\.session_events at https://adb.* holds 7 rows"
    ):
        catalog("adb.example.net", 7).require_empty()


@pytest.mark.parametrize(
    ("host", "rows"),
    [("adb.example.net", 0), ("adb.example.net", None), ("http://localhost:18080", 7)],
)
def test_an_empty_table_and_an_endpoint_on_this_machine_may_be_filled(catalog, host, rows):
    catalog(host, rows).require_empty()


@pytest.mark.parametrize(
    ("given", "heeded"), [(DATABRICKS, DATABRICKS), ("delta:/var/lib/classwaves", None)]
)
def test_a_sql_warehouse_is_taken_over_from_the_environment_and_a_folder_is_not(given, heeded):
    assert DemoSettings.from_environment({"WAREHOUSE": given}).warehouse == heeded
