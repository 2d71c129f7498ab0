"""Opening the warehouse of the setting WAREHOUSE.

An adapter is imported when it is opened: each has libraries that the others do without.
"""
# ruff: noqa: PLC0415

import os

from classwaves_warehouse.errors import WarehouseAddressError
from classwaves_warehouse.interface import Warehouse
from classwaves_warehouse.settings import DedupLimits


def open_warehouse(address: str, dedup: DedupLimits | None = None) -> Warehouse:
    """The warehouse at an address. Nothing is read or written yet.

    Args:
        address: `delta:<folder or object-store URL>`, with tables at `<root>/<schema>/<table>`;
            `databricks:`, with the other settings in the environment (DATABRICKS_HOST and others);
            or `memory:`.
        dedup: limits of the dedup index of embedded tables.

    Raises:
        WarehouseAddressError: the address has another form.
        SettingsError: a setting of Databricks is missing or wrong.
    """
    kind, _, root = address.partition(":")
    if kind == "delta" and root:
        from classwaves_warehouse.delta.warehouse import DeltaWarehouse

        return DeltaWarehouse(root, dedup=dedup)
    if address == "databricks:":
        from classwaves_warehouse.databricks.settings import DatabricksSettings
        from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse

        return DatabricksWarehouse(DatabricksSettings.from_environment(os.environ))
    if address == "memory:":
        from classwaves_warehouse.memory.warehouse import MemoryWarehouse

        return MemoryWarehouse()
    raise WarehouseAddressError(
        f"WAREHOUSE is {address!r}; it should be delta:<folder or object-store URL> "
        "(delta:./warehouse), databricks: or memory:."
    )
