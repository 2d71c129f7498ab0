"""Creates and migrates tables, and compares them with their contracts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from classwaves_runtime.retry import RetryPolicy
from classwaves_schemas.ddl import column_definition, create_table, property_list
from classwaves_schemas.tables import DATABRICKS_TABLES, Column, Table
from classwaves_warehouse.databricks.retry import retry_after_cold_start
from classwaves_warehouse.databricks.session import Session
from classwaves_warehouse.errors import TableMismatch, TableMissing
from classwaves_warehouse.interface import Mismatch


@dataclass(frozen=True, slots=True)
class DescribedTable:
    """A table as DESCRIBE TABLE and SHOW TBLPROPERTIES show it, without nullability.

    Args:
        types: by column name.
        properties: of the table.
    """

    types: Mapping[str, str]
    properties: Mapping[str, str]


class DatabricksTables:
    """The `Tables` of a catalog. Every method waits for a starting warehouse.

    Args:
        session: without a schema, since it may not exist yet.
        catalog: of the tables.
        retry: of each call.
    """

    def __init__(self, session: Session, catalog: str, retry: RetryPolicy) -> None:
        self._session = session
        self._catalog = f"`{catalog}`"
        self._retry = retry

    def check(self) -> Sequence[Mismatch]:
        """Every difference between the tables and their contracts; more columns are allowed."""
        return [mismatch for table in DATABRICKS_TABLES for mismatch in self._mismatches(table)]

    def migrate(self) -> Sequence[str]:
        """Create missing tables, add missing nullable columns and set properties.

        Returns:
            a line for each change.
        """
        done: dict[str, None] = {}
        for table in DATABRICKS_TABLES:
            retry_after_cold_start(self._retry, partial(self._migrate, table, done))
        return list(done)

    def _mismatches(self, table: Table) -> Sequence[Mismatch]:
        try:
            return mismatches(table, self._describe(table))
        except TableMissing:
            return [
                Mismatch(
                    table.qualified_name, None, "does not exist; run `ingestor tables migrate`"
                )
            ]

    def _migrate(self, table: Table, done: dict[str, None], _attempt: int) -> None:
        """One attempt. It describes the table again, since the previous reply may have been lost.

        Each change is recorded before it is made, so that a lost reply does not hide it.
        """
        name = f"{self._catalog}.{table.qualified_name}"
        try:
            described = describe(self._session, self._catalog, table)
        except TableMissing:
            done[f"created {table.qualified_name} in {self._catalog}"] = None
            # IF NOT EXISTS requires the right to create schemas even if the schema exists.
            schemas = f"SHOW SCHEMAS IN {self._catalog} LIKE '{table.schema}'"
            if not self._session.run(schemas).num_rows:
                self._session.run(f"CREATE SCHEMA IF NOT EXISTS {self._catalog}.{table.schema}")
            self._session.run(create_table(table, self._catalog))
            return
        missing = [
            column
            for column in table.columns
            if column.nullable and column.name not in described.types
        ]
        if missing:
            done |= {f"added {table.qualified_name}.{column.name}": None for column in missing}
            definitions = ", ".join(map(column_definition, missing))
            self._session.run(f"ALTER TABLE {name} ADD COLUMNS ({definitions})")
        unset = _unset_properties(table, described)
        if unset:
            done |= {
                f"set {key} = {value} on {table.qualified_name}": None
                for key, value in unset.items()
            }
            self._session.run(f"ALTER TABLE {name} SET TBLPROPERTIES {property_list(unset)}")
        remaining = mismatches(table, describe(self._session, self._catalog, table))
        if remaining:
            raise TableMismatch("; ".join(map(str, remaining)))

    def _describe(self, table: Table) -> DescribedTable:
        return retry_after_cold_start(
            self._retry, lambda _attempt: describe(self._session, self._catalog, table)
        )


def describe(session: Session, catalog: str, table: Table) -> DescribedTable:
    """Describe a table.

    Args:
        session: at the warehouse.
        catalog: quoted name.
        table: its contract.

    Raises:
        TableMissing: it does not exist.
        WarehouseUnavailable, WarehouseRefused: it cannot be described.
    """
    name = f"{catalog}.{table.qualified_name}"
    types: dict[str, str] = {}
    for row in session.run(f"DESCRIBE TABLE {name}").to_pylist():
        if not row["col_name"] or row["col_name"].startswith("#"):
            break  # partition columns follow
        types[row["col_name"]] = row["data_type"].upper()
    properties = session.run(f"SHOW TBLPROPERTIES {name}").to_pylist()
    return DescribedTable(types, {row["key"]: row["value"] for row in properties})


def mismatches(table: Table, described: DescribedTable) -> Sequence[Mismatch]:
    """Every difference between a table and its contract."""
    columns = [
        Mismatch(table.qualified_name, column.name, problem)
        for column in table.columns
        if (problem := _problem(column, described.types.get(column.name)))
    ]
    properties = [
        Mismatch(
            table.qualified_name,
            None,
            f"{key} is {described.properties.get(key, 'not set')}, should be {value};"
            " run `ingestor tables migrate`",
        )
        for key, value in _unset_properties(table, described).items()
    ]
    return [*columns, *properties]


def _problem(expected: Column, actual: str | None) -> str | None:
    if actual is None:
        kind = "nullable" if expected.nullable else "not null"
        remedy = (
            "run `ingestor tables migrate`"
            if expected.nullable
            else "it cannot be added to a table that has rows"
        )
        return f"column is missing (should be {expected.type}, {kind}); {remedy}"
    return (
        None
        if actual == expected.type
        else f"type is {actual}, should be {expected.type}; rewrite the column"
    )


def _unset_properties(table: Table, described: DescribedTable) -> Mapping[str, str]:
    """The required properties that are not set, or set to another value."""
    return {
        key: value
        for key, value in table.databricks_properties.items()
        if described.properties.get(key) != value
    }
