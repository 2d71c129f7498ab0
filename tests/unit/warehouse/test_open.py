import subprocess
import sys

import pytest

from classwaves_runtime.errors import SettingsError
from classwaves_warehouse.databricks.settings import DatabricksSettings
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.errors import WarehouseAddressError, WarehouseUnavailable
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from classwaves_warehouse.open import open_warehouse


def test_an_address_says_which_warehouse(tmp_path):
    assert isinstance(open_warehouse("memory:"), MemoryWarehouse)
    warehouse = open_warehouse(f"delta:{tmp_path}/lake")
    assert isinstance(warehouse, DeltaWarehouse)
    assert warehouse.tables.migrate()
    assert (tmp_path / "lake" / "analytics" / "session_events").is_dir()


@pytest.mark.parametrize(
    "address", ["", "delta:", "delta", "memory:x", "memory", "postgres://x", "/folder"]
)
def test_any_other_address_is_refused_by_name(address):
    with pytest.raises(WarehouseAddressError) as refused:
        open_warehouse(address)
    assert f"WAREHOUSE is {address!r}" in str(refused.value)


def test_a_store_that_cannot_be_read_is_unavailable(tmp_path):
    log = tmp_path / "analytics" / "session_events" / "_delta_log"
    log.mkdir(parents=True)
    (log / f"{0:020}.json").write_text("{")
    with pytest.raises(WarehouseUnavailable, match="session_events cannot be opened"):
        open_warehouse(f"delta:{tmp_path}").events.size()


def test_databricks_takes_the_rest_of_its_settings_from_the_environment(monkeypatch):
    monkeypatch.setenv("DATABRICKS_HOST", "adb.example.net")
    monkeypatch.setenv("DATABRICKS_WAREHOUSE_ID", "abc")
    monkeypatch.delenv("DATABRICKS_TOKEN", raising=False)
    with pytest.raises(SettingsError, match="set either DATABRICKS_TOKEN"):
        open_warehouse("databricks:")
    monkeypatch.setenv("DATABRICKS_TOKEN", "secret")
    assert isinstance(open_warehouse("databricks:"), DatabricksWarehouse)


def test_the_connector_is_needed_by_those_alone_who_use_it(monkeypatch):
    """An installation for embedded tables does without it."""
    connecting = "classwaves_warehouse.databricks.connection"
    monkeypatch.delitem(sys.modules, connecting, raising=False)
    monkeypatch.setitem(sys.modules, "databricks", None)
    given = {
        "DATABRICKS_HOST": "adb.example.net",
        "DATABRICKS_WAREHOUSE_ID": "abc",
        "DATABRICKS_TOKEN": "t",
    }
    warehouse = DatabricksWarehouse(DatabricksSettings.from_environment(given))
    with pytest.raises(
        WarehouseAddressError, match=r"pip install 'classwaves-ingestor\[databricks\]'"
    ):
        warehouse.events.size()


def test_a_warehouse_that_only_appends_imports_neither_duckdb_nor_the_other_adapters(tmp_path):
    """A consumer's memory has no room for libraries that it never calls."""
    script = f"""
import sys
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.open import open_warehouse
warehouse = open_warehouse("delta:{tmp_path}/lake")
warehouse.tables.migrate()
warehouse.ledger(Stream("group", "topic", "id")).checkpoints()
unused = {{"duckdb", "sqlglot", "databricks", "classwaves_warehouse.memory"}}
unused |= {{"classwaves_warehouse.databricks"}}
print(*sorted(unused & sys.modules.keys()))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == []
