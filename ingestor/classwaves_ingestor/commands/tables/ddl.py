from typing import Annotated

import typer

from classwaves_schemas.ddl import create_table
from classwaves_schemas.tables import DATABRICKS_TABLES


def ddl(
    catalog: Annotated[str, typer.Option(help="Catalog that the tables lie in.")] = "classwaves",
) -> None:
    """Print the statements that create the tables on Databricks."""
    for table in DATABRICKS_TABLES:
        typer.echo(f"{create_table(table, catalog)};\n")
