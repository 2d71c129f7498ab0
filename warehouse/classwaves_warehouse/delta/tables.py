"""Setting Delta tables up, and finding where they differ from their contracts."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
from deltalake import DeltaTable
from deltalake import Schema as DeltaSchema

from classwaves_schemas.arrow import arrow_schema
from classwaves_schemas.tables import TABLES, Table
from classwaves_warehouse.delta.root import Root
from classwaves_warehouse.errors import TableMismatch, TableMissing
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
"""Columns worth statistics in the log; a payload's would only make the log long."""


class DeltaTables:
    """The `Tables` below a root."""

    def __init__(self, root: Root) -> None:
        self._root = root

    def check(self) -> Sequence[Mismatch]:
        """Every difference between the tables and their contracts; columns that we do not know are no difference."""
        return [mismatch for table in TABLES for mismatch in self._mismatches(table)]

    def migrate(self) -> Sequence[str]:
        """Create missing tables, add missing nullable columns; say what was done."""
        return [done for table in TABLES for done in self._migrate(table)]

    def _mismatches(self, table: Table) -> Sequence[Mismatch]:
        try:
            return mismatches(table, self._root.open(table))
        except TableMissing:
            return [
                Mismatch(
                    table.qualified_name, None, "does not exist; run `ingestor tables migrate`"
                )
            ]

    def _migrate(self, table: Table) -> Sequence[str]:
        try:
            handle = self._root.open(table)
        except TableMissing:
            _create(table, self._root.of(table))
            return [f"created {table.qualified_name} at {self._root.of(table)}"]
        return _widen(table, handle)


def checked(table: Table, handle: DeltaTable) -> DeltaTable:
    """The handle, if its table is as the contract says.

    Raises:
        TableMismatch: it is not; the message names every difference.
    """
    found = mismatches(table, handle)
    if found:
        raise TableMismatch("; ".join(map(str, found)))
    return handle


def mismatches(table: Table, handle: DeltaTable) -> Sequence[Mismatch]:
    """Every difference between a table and its contract."""
    actual = pa.schema(handle.schema().to_arrow())
    return [
        Mismatch(table.qualified_name, field.name, problem)
        for field in arrow_schema(table)
        if (problem := _problem(field, actual))
    ]


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


def _create(table: Table, place: str) -> None:
    schema = arrow_schema(table)
    properties = {
        name: value for name, value in table.properties.items() if name.startswith("delta.")
    }
    statistics = ",".join(name for name in _STATISTICS if name in schema.names)
    DeltaTable.create(
        place,
        schema,
        mode="ignore",
        name=table.name,
        description=table.properties["comment"],
        configuration={**properties, "delta.dataSkippingStatsColumns": statistics},
    )


def _widen(table: Table, handle: DeltaTable) -> Sequence[str]:
    existing = pa.schema(handle.schema().to_arrow()).names
    missing = [field for field in arrow_schema(table) if field.name not in existing]
    addable = pa.schema([field for field in missing if field.nullable])
    if len(addable):
        handle.alter.add_columns(list(DeltaSchema.from_arrow(addable).fields))
    checked(table, handle)
    return [f"added {table.qualified_name}.{name}" for name in addable.names]
