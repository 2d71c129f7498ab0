"""Where the tables of a warehouse lie."""

from dataclasses import dataclass

from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from classwaves_schemas.tables import Table
from classwaves_warehouse.errors import TableMissing, WarehouseUnavailable


@dataclass(frozen=True, slots=True)
class Root:
    """A folder or an object-store URL that holds a Delta table at `<schema>/<name>` for each table."""

    url: str

    def of(self, table: Table) -> str:
        """Where a table lies."""
        return f"{self.url.rstrip('/')}/{table.schema}/{table.name}"

    def open(self, table: Table) -> DeltaTable:
        """A table at its latest version.

        Raises:
            TableMissing: it is not there.
            WarehouseUnavailable: it cannot be read now.
        """
        try:
            return DeltaTable(self.of(table))
        except TableNotFoundError as error:
            raise TableMissing(
                f"{table.qualified_name} does not exist at {self.of(table)}. Run `ingestor tables migrate`."
            ) from error
        except Exception as error:
            raise WarehouseUnavailable(f"{self.of(table)} cannot be opened: {error}") from error
