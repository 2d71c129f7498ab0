"""The tables in Databricks SQL."""

from collections.abc import Mapping

from classwaves_schemas.tables import Column, Table


def create_table(table: Table, catalog: str = "classwaves") -> str:
    """The statement that makes a table where there is none; it ends without a semicolon."""
    columns = ",\n".join(f"  {column_definition(column)}" for column in table.columns)
    partitions = (
        f"PARTITIONED BY ({', '.join(table.partitioned_by)})\n" if table.partitioned_by else ""
    )
    return (
        f"CREATE TABLE IF NOT EXISTS {catalog}.{table.qualified_name} (\n{columns}\n) USING DELTA\n"
        f"{partitions}TBLPROPERTIES {property_list({**table.properties, **table.databricks_properties})}"
    )


def column_definition(column: Column) -> str:
    """One column as CREATE TABLE and ADD COLUMNS have it."""
    null = "" if column.nullable else " NOT NULL"
    return f"{column.name} {column.type}{null} COMMENT {_text(column.comment)}"


def property_list(properties: Mapping[str, str]) -> str:
    """Table properties as CREATE TABLE and SET TBLPROPERTIES have them."""
    lines = ",\n".join(f"  {_text(key)} = {_text(value)}" for key, value in properties.items())
    return f"(\n{lines}\n)"


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
