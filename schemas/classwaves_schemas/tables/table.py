"""The declaration of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ColumnType(StrEnum):
    """A column type of Databricks SQL. Timestamps are UTC with microseconds."""

    STRING = "STRING"
    INT = "INT"
    BIGINT = "BIGINT"
    DOUBLE = "DOUBLE"
    TIMESTAMP = "TIMESTAMP"
    BOOLEAN = "BOOLEAN"
    SCORE = "DECIMAL(5,2)"
    SHARE = "DECIMAL(5,4)"
    SECONDS = "DECIMAL(10,2)"
    MEASURE = "DECIMAL(10,4)"
    TAGS = "MAP<STRING, STRING>"


@dataclass(frozen=True)
class Column:
    """One column of a table."""

    name: str
    type: ColumnType
    comment: str
    nullable: bool = True


@dataclass(frozen=True)
class Table:
    """A declared table.

    Args:
        schema, name: qualified name in a catalog.
        columns: in order.
        properties: set at creation, in every warehouse.
        databricks_properties: additional properties on Databricks.
        partitioned_by: columns that separate the files, and so the conflicts of writers.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    properties: Mapping[str, str] = field(hash=False)
    databricks_properties: Mapping[str, str] = field(hash=False, default_factory=dict)
    partitioned_by: tuple[str, ...] = ()

    @property
    def qualified_name(self) -> str:
        """Schema and table, without a catalog."""
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names in their order."""
        return tuple(column.name for column in self.columns)


STRING, INT, BIGINT, DOUBLE, TIMESTAMP, BOOLEAN, SCORE, SHARE, SECONDS, MEASURE, TAGS = ColumnType


def seed_properties(comment: str) -> Mapping[str, str]:
    """The properties that the seed plan sets on each of its tables."""
    return {
        "delta.autoOptimize.optimizeWrite": "true",
        "delta.autoOptimize.autoCompact": "true",
        "comment": comment,
    }


# Exactly-once requires that two statements that add the same key conflict. Deletion vectors enable
# row-level concurrency, under which they need not.
EXCLUSIVE = {"delta.isolationLevel": "Serializable", "delta.enableDeletionVectors": "false"}
