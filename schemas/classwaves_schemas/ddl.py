"""The DDL of the tables in Databricks SQL."""

from collections.abc import Mapping

from classwaves_schemas.tables import Column, Table


def create_table(table: Table, catalog: str = "classwaves") -> str:
    """The CREATE TABLE IF NOT EXISTS statement of a table, without a semicolon."""
    properties = {**table.properties, **table.databricks_properties}
    columns = ",\n".join(f"  {column_definition(column)}" for column in table.columns)
    partitions = (
        f"PARTITIONED BY ({', '.join(table.partitioned_by)})\n" if table.partitioned_by else ""
    )
    return (
        f"CREATE TABLE IF NOT EXISTS {catalog}.{table.qualified_name} (\n{columns}\n) USING DELTA\n"
        f"{partitions}TBLPROPERTIES {property_list(properties)}"
    )


def column_definition(column: Column) -> str:
    """A column definition for CREATE TABLE and ADD COLUMNS."""
    null = "" if column.nullable else " NOT NULL"
    return f"{column.name} {column.type}{null} COMMENT {_text(column.comment)}"


def property_list(properties: Mapping[str, str]) -> str:
    """A property list for CREATE TABLE and SET TBLPROPERTIES."""
    lines = ",\n".join(f"  {_text(key)} = {_text(value)}" for key, value in properties.items())
    return f"(\n{lines}\n)"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
