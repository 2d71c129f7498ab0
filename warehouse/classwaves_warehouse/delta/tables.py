"""Delta tables below a root: opened, created, migrated and compared with their contracts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
from deltalake import DeltaTable
from deltalake import Schema as DeltaSchema
from deltalake.exceptions import TableNotFoundError

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import TABLES, Table
from classwaves_warehouse.delta.retention import RETENTION_PROPERTIES, unset_retention
from classwaves_warehouse.errors import TableMismatch, TableMissing, WarehouseUnavailable
from classwaves_warehouse.interface import Mismatch

_STATISTICS: Final = (
    "event_time",
    "session_id",
    "school_id",
    "kafka_partition",
    "kafka_offset",
    "created_at",
    "metric_hour",
)
"""Columns with statistics in the log. Those of other columns would only enlarge it."""


@dataclass(frozen=True, slots=True)
class Root:
    """A folder or an object-store URL with a Delta table at `<schema>/<name>` for each table."""

    url: str

    def url_of(self, table: Table) -> str:
        """The URL of a table."""
        return f"{self.url.rstrip('/')}/{table.schema}/{table.name}"

    def open(self, table: Table) -> DeltaTable:
        """A handle of a table at its latest version.

        Raises:
            TableMissing: the table does not exist.
            WarehouseUnavailable: the table cannot be read now.
        """
        url = self.url_of(table)
        try:
            return DeltaTable(url)
        except TableNotFoundError as error:
            raise TableMissing(
                f"{table.qualified_name} does not exist at {url}. Run `ingestor tables migrate`."
            ) from error
        except Exception as error:
            raise WarehouseUnavailable(f"{url} cannot be opened: {error}") from error

    def open_checked(self, table: Table) -> DeltaTable:
        """A handle of a table that equals its contract.

        Raises:
            TableMissing: the table does not exist.
            TableMismatch: the table differs; the message has every difference.
            WarehouseUnavailable: the table cannot be read now.
        """
        handle = self.open(table)
        _check(table, handle)
        return handle


class LatestTable:
    """A table that stays open, since opening it reads its whole log. For one thread.

    Args:
        root: of the table.
        table: its contract.
    """

    def __init__(self, root: Root, table: Table) -> None:
        self._root = root
        self._table = table
        self._handle: DeltaTable | None = None

    def handle(self) -> DeltaTable:
        """The table's handle, moved to the latest version.

        Raises:
            TableMissing: the table does not exist.
            WarehouseUnavailable: the table cannot be read now.
        """
        handle, self._handle = self._handle, None
        if handle is None:
            handle = self._root.open(self._table)
        else:
            try:
                handle.update_incremental()
            except Exception:  # opening it tells what is wrong
                handle = self._root.open(self._table)
        self._handle = handle
        return handle


class DeltaTables:
    """The `Tables` below a root."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def check(self) -> Sequence[Mismatch]:
        """Every difference between the tables and their contracts; more columns are allowed."""
        return [mismatch for table in TABLES for mismatch in self._mismatches(table)]

    def migrate(self) -> Sequence[str]:
        """Create missing tables, add missing nullable columns and set the retention.

        Returns:
            a sentence for each change.
        """
        return [change for table in TABLES for change in self._migrate(table)]

    def _mismatches(self, table: Table) -> Sequence[Mismatch]:
        try:
            return mismatches(table, self._root.open(table))
        except TableMissing:
            problem = "does not exist; run `ingestor tables migrate`"
            return [Mismatch(table.qualified_name, None, problem)]

    def _migrate(self, table: Table) -> Sequence[str]:
        try:
            handle = self._root.open(table)
        except TableMissing:
            url = self._root.url_of(table)
            _create(table, url)
            return [f"created {table.qualified_name} at {url}"]
        return [*_add_columns(table, handle), *set_retention(table, handle)]


def set_retention(table: Table, handle: DeltaTable) -> Sequence[str]:
    """Set the retention properties that a table does not have; a sentence for each."""
    unset = unset_retention(handle)
    if unset:
        handle.alter.set_table_properties(unset)
    return [f"set {name} = {value} on {table.qualified_name}" for name, value in unset.items()]


def statistics_columns(handle: DeltaTable) -> Sequence[str]:
    """The columns of a table with statistics in the log."""
    names = pa.schema(handle.schema().to_arrow()).names
    return [name for name in _STATISTICS if name in names]


def mismatches(table: Table, handle: DeltaTable) -> Sequence[Mismatch]:
    """Every difference between a table and its contract."""
    actual = pa.schema(handle.schema().to_arrow())
    return [
        Mismatch(table.qualified_name, field.name, problem)
        for field in arrow_schema(table)
        if (problem := _problem(field, actual))
    ]


def _check(table: Table, handle: DeltaTable) -> None:
    found = mismatches(table, handle)
    if found:
        raise TableMismatch("; ".join(map(str, found)))


def _problem(wanted: pa.Field, actual: pa.Schema) -> str | None:
    if wanted.name not in actual.names:
        kind = "nullable" if wanted.nullable else "not null"
        remedy = (
            "run `ingestor tables migrate`"
            if wanted.nullable
            else "it cannot be added to a table that has rows"
        )
        return f"column is missing (should be {wanted.type}, {kind}); {remedy}"
    found = actual.field(wanted.name)
    if found.type != wanted.type:
        return f"type is {found.type}, should be {wanted.type}; rewrite the column"
    if found.nullable and not wanted.nullable:
        return "allows NULL, should be not null; set the constraint"
    if wanted.nullable and not found.nullable:
        return "is not null, should allow NULL; drop the constraint"
    return None


def _create(table: Table, url: str) -> None:
    schema = arrow_schema(table)
    properties = {
        name: value for name, value in table.properties.items() if name.startswith("delta.")
    }
    statistics = ",".join(name for name in _STATISTICS if name in schema.names)
    DeltaTable.create(
        url,
        schema,
        mode="ignore",
        name=table.name,
        description=table.properties["comment"],
        configuration={
            **properties,
            **RETENTION_PROPERTIES,
            "delta.dataSkippingStatsColumns": statistics,
        },
    )


def _add_columns(table: Table, handle: DeltaTable) -> Sequence[str]:
    existing = pa.schema(handle.schema().to_arrow()).names
    missing = [field for field in arrow_schema(table) if field.name not in existing]
    addable = pa.schema([field for field in missing if field.nullable])
    if len(addable):
        handle.alter.add_columns(list(DeltaSchema.from_arrow(addable).fields))
    _check(table, handle)
    return [f"added {table.qualified_name}.{name}" for name in addable.names]
