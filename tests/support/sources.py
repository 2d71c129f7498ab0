"""Adding rows to any table of any warehouse, as another writer does."""

from collections.abc import Mapping, Sequence
from shutil import rmtree
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.ddl import create_table
from classwaves_schemas.tables import Table
from classwaves_warehouse.databricks.warehouse import DatabricksWarehouse
from classwaves_warehouse.delta.warehouse import DeltaWarehouse
from classwaves_warehouse.interface import Warehouse
from classwaves_warehouse.memory.warehouse import MemoryWarehouse

_TIMES = ("event_time", "timestamp", "calculation_timestamp", "created_at", "metric_hour")

Rows = Sequence[Mapping[str, Any]] | pa.Table


def fill(warehouse: Warehouse, table: Table, rows: Rows) -> None:
    """Add rows to a table; create it if it does not exist.

    Args:
        warehouse: memory, Delta or Databricks.
        table: its contract.
        rows: may be empty; columns that they do not have are NULL.
    """
    schema = arrow_schema(table)
    arrow = (
        rows.cast(schema)
        if isinstance(rows, pa.Table)
        else pa.Table.from_pylist(list(map(dict, rows)), schema)
    )
    match warehouse:
        case MemoryWarehouse():
            warehouse.versioned_tables.add(table, arrow)
        case DeltaWarehouse():
            url = warehouse._root.url_of(table)
            statistics = ",".join(name for name in _TIMES if name in schema.names)
            configuration = {"delta.dataSkippingStatsColumns": statistics} if statistics else {}
            DeltaTable.create(url, schema, mode="ignore", configuration=configuration)
            _append(url, arrow)
        case DatabricksWarehouse():
            session = warehouse._session(None)
            catalog = warehouse._settings.databricks_catalog
            session.run(f"CREATE SCHEMA IF NOT EXISTS {catalog}.{table.schema}")
            session.run(create_table(table, catalog))
            detail = session.run(f"DESCRIBE DETAIL {catalog}.{table.qualified_name}")
            _append(detail["location"][0].as_py().removeprefix("file:"), arrow)
        case _:
            raise TypeError(f"cannot fill tables of {warehouse!r}")


def drop(warehouse: Warehouse, table: Table) -> None:
    """Remove a table."""
    match warehouse:
        case MemoryWarehouse():
            del warehouse.versioned_tables._versions[table]
        case DeltaWarehouse():
            rmtree(warehouse._root.url_of(table))
        case DatabricksWarehouse():
            catalog = warehouse._settings.databricks_catalog
            warehouse._session(None).run(f"DROP TABLE {catalog}.{table.qualified_name}")
        case _:
            raise TypeError(f"cannot drop tables of {warehouse!r}")


def _append(url: str, rows: pa.Table) -> None:
    if rows.num_rows:
        write_deltalake(url, rows, mode="append")
