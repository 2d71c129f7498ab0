"""Setting tables up at a SQL warehouse, and finding where they differ from their contracts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from classwaves_schemas.ddl import column_definition, create_table, property_list
from classwaves_schemas.tables import DATABRICKS_TABLES, Column, Table
from classwaves_warehouse.databricks.patience import Patience
from classwaves_warehouse.databricks.session import Session
from classwaves_warehouse.errors import TableMismatch, TableMissing
from classwaves_warehouse.interface import Mismatch


@dataclass(frozen=True, slots=True)
class Found:
    """A table as the warehouse describes it. It does not tell which columns allow NULL.

    Args:
        types: of the columns, by name.
        properties: of the table.
    """

    types: Mapping[str, str]
    properties: Mapping[str, str]


class DatabricksTables:
    """The `Tables` of a catalog. A warehouse that is starting is waited for.

    Args:
        session: without a schema, of which there may be none yet.
        catalog: where the tables are.
        patience: how long a call goes on trying.
    """

    def __init__(self, session: Session, catalog: str, patience: Patience) -> None:
        self._session = session
        self._catalog = f"`{catalog}`"
        self._patience = patience

    def check(self) -> Sequence[Mismatch]:
        """Every difference between the tables and their contracts; columns that we do not know are no difference."""
        return [mismatch for table in DATABRICKS_TABLES for mismatch in self._mismatches(table)]

    def migrate(self) -> Sequence[str]:
        """Create missing tables, add missing nullable columns, set properties; say what was done."""
        done: dict[str, None] = {}
        for table in DATABRICKS_TABLES:
            self._patience.wait(partial(self._migrate, table, done))
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
        """One attempt, which looks anew: the one before may have done it all, and only its reply been lost.

        What is done is noted before it is, so that a lost reply does not hide it.
        """
        name = f"{self._catalog}.{table.qualified_name}"
        try:
            found = describe(self._session, self._catalog, table)
        except TableMissing:
            done[f"created {table.qualified_name} in {self._catalog}"] = None
            # IF NOT EXISTS asks for the right to make schemas even if there is nothing to make.
            if not self._session.run(
                f"SHOW SCHEMAS IN {self._catalog} LIKE '{table.schema}'"
            ).num_rows:
                self._session.run(f"CREATE SCHEMA IF NOT EXISTS {self._catalog}.{table.schema}")
            self._session.run(create_table(table, self._catalog))
            return
        absent = [
            column for column in table.columns if column.nullable and column.name not in found.types
        ]
        if absent:
            done |= {f"added {table.qualified_name}.{column.name}": None for column in absent}
            self._session.run(
                f"ALTER TABLE {name} ADD COLUMNS ({', '.join(map(column_definition, absent))})"
            )
        unset = _unset(table, found)
        if unset:
            done |= {
                f"set {key} = {value} on {table.qualified_name}": None
                for key, value in unset.items()
            }
            self._session.run(f"ALTER TABLE {name} SET TBLPROPERTIES {property_list(unset)}")
        left = mismatches(table, describe(self._session, self._catalog, table))
        if left:
            raise TableMismatch("; ".join(map(str, left)))

    def _describe(self, table: Table) -> Found:
        return self._patience.wait(lambda _attempt: describe(self._session, self._catalog, table))


def describe(session: Session, catalog: str, table: Table) -> Found:
    """A table as the warehouse knows it now.

    Args:
        session: at the warehouse.
        catalog: quoted.
        table: its contract.

    Raises:
        TableMissing: it is not there.
        WarehouseUnavailable, WarehouseRefused: it cannot be looked at.
    """
    name = f"{catalog}.{table.qualified_name}"
    types: dict[str, str] = {}
    for row in session.run(f"DESCRIBE TABLE {name}").to_pylist():
        if not row["col_name"] or row["col_name"].startswith("#"):
            break  # what follows is about partitions
        types[row["col_name"]] = row["data_type"].upper()
    properties = session.run(f"SHOW TBLPROPERTIES {name}").to_pylist()
    return Found(types, {row["key"]: row["value"] for row in properties})


def mismatches(table: Table, found: Found) -> Sequence[Mismatch]:
    """Every difference between a table and its contract."""
    columns = [
        Mismatch(table.qualified_name, column.name, problem)
        for column in table.columns
        if (problem := _problem(column, found.types.get(column.name)))
    ]
    properties = [
        Mismatch(
            table.qualified_name,
            None,
            f"{key} is {found.properties.get(key, 'not set')}, should be {value}; run `ingestor tables migrate`",
        )
        for key, value in _unset(table, found).items()
    ]
    return [*columns, *properties]


def _problem(wanted: Column, actual: str | None) -> str | None:
    if actual is None:
        kind = "nullable" if wanted.nullable else "not null"
        remedy = (
            "run `ingestor tables migrate`"
            if wanted.nullable
            else "it cannot be added to a table that has rows"
        )
        return f"column is missing (should be {wanted.type}, {kind}); {remedy}"
    return (
        None
        if actual == wanted.type
        else f"type is {actual}, should be {wanted.type}; rewrite the column"
    )


def _unset(table: Table, found: Found) -> Mapping[str, str]:
    """The properties that Databricks needs and the table does not have."""
    return {
        key: value
        for key, value in table.databricks_properties.items()
        if found.properties.get(key) != value
    }
