"""What a declared table is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ColumnType(StrEnum):
    """A column's type, as Databricks SQL calls it. Timestamps are UTC, to the microsecond."""

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
        schema, name: where it lies in a catalog.
        columns: in their order.
        properties: set when it is created, anywhere.
        databricks_properties: what it needs besides where Databricks runs its statements.
        partitioned_by: columns whose values keep its files, and so the conflicts of its writers, apart.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    properties: Mapping[str, str] = field(hash=False)
    databricks_properties: Mapping[str, str] = field(hash=False, default_factory=dict)
    partitioned_by: tuple[str, ...] = ()

    @property
    def qualified_name(self) -> str:
        """Schema and table; a catalog may stand before it."""
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names in their order."""
        return tuple(column.name for column in self.columns)


STRING, INT, BIGINT, DOUBLE, TIMESTAMP, BOOLEAN, SCORE, SHARE, SECONDS, MEASURE, TAGS = ColumnType


def seed_properties(comment: str) -> Mapping[str, str]:
    """As the seed sets them on each of its tables."""
    return {
        "delta.autoOptimize.optimizeWrite": "true",
        "delta.autoOptimize.autoCompact": "true",
        "comment": comment,
    }


# Two statements that would add the same key must conflict: exactly-once stands on it. Deletion vectors bring row-level
# concurrency, under which they need not.
EXCLUSIVE = {"delta.isolationLevel": "Serializable", "delta.enableDeletionVectors": "false"}
