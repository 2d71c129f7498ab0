"""Putting an hourly table's many small files together."""

from typing import Final

from deltalake import DeltaTable

from classwaves_schemas.tables import Table
from classwaves_warehouse.errors import WarehouseUnavailable

_WORTH_IT: Final = 2


def maintain(handle: DeltaTable, table: Table) -> None:
    """Compact a table, clustered by school and hour where it has both; of one file nothing is to be made.

    Raises:
        WarehouseUnavailable: somebody came between, or it cannot be written now.
    """
    if handle.get_add_actions().num_rows < _WORTH_IT:
        return
    try:
        if "school_id" in table.column_names:
            handle.optimize.z_order(["school_id", "metric_hour"])
        else:
            handle.optimize.compact()
    except Exception as error:
        raise WarehouseUnavailable(f"{handle.table_uri} was not compacted: {error}") from error
