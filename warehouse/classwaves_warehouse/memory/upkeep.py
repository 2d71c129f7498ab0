"""Upkeep of tables in memory, which have no files."""

from collections.abc import Sequence

from classwaves_schemas.tables import TABLES
from classwaves_warehouse.interface import TableUpkeep


class MemoryUpkeep:
    """The `Upkeep` of a memory warehouse."""

    def run_once(self) -> Sequence[TableUpkeep]:
        """Nothing to do."""
        return [TableUpkeep(table.qualified_name, 0, 0) for table in TABLES]
