"""Delta tables as they were at one time, asked by DuckDB."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import pyarrow as pa
from deltalake import DeltaTable

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import Table
from classwaves_warehouse.delta.dataset import DeltaDataset
from classwaves_warehouse.duck import Duck
from classwaves_warehouse.errors import TableMissing
from classwaves_warehouse.hours import Parameters


@dataclass(frozen=True, slots=True)
class Held:
    """A table's handle, and the version that a snapshot has of it. The handle may move on."""

    handle: DeltaTable
    version: int


class DeltaSnapshot:
    """The `Snapshot` of a root."""

    def __init__(self, held: Mapping[Table, Held], duck: Duck) -> None:
        self._held = held
        self._duck = duck
        self.versions = {table.qualified_name: each.version for table, each in held.items()}

    @classmethod
    @contextmanager
    def of(cls, handles: Mapping[Table, DeltaTable]) -> Iterator[Self]:
        """The versions that these handles stand at."""
        held = {table: Held(handle, handle.version()) for table, handle in handles.items()}
        files = {
            table.name: DeltaDataset.of(handle, arrow_schema(table))
            for table, handle in handles.items()
        }
        with Duck(files) as duck:
            yield cls(held, duck)

    def query(self, sql: str, parameters: Parameters) -> pa.Table:
        """Ask the tables that were there."""
        return self._duck.query(sql, parameters)

    def held(self, table: Table) -> Held:
        """A table of the snapshot.

        Raises:
            TableMissing: it was not there.
        """
        if table not in self._held:
            raise TableMissing(
                f"{table.qualified_name} does not exist. Run `ingestor tables migrate`."
            )
        return self._held[table]
