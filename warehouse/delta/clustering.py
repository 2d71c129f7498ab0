"""Putting an hourly table's many small files together."""

from deltalake import DeltaTable

from classwaves_schemas.tables import Table
from warehouse.errors import WarehouseUnavailable


def maintain(handle: DeltaTable, table: Table) -> None:
    """Compact a table, clustered by school and hour where it has both."""
    try:
        if "school_id" in table.column_names:
            handle.optimize.z_order(["school_id", "metric_hour"])
        else:
            handle.optimize.compact()
    except Exception as error:
        raise WarehouseUnavailable(f"{handle.table_uri} was not compacted: {error}") from error
