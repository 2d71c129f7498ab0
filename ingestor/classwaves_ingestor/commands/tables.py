"""`ingestor tables`: check, migrate and print the analytics tables."""

import os
from typing import Annotated

import typer

from classwaves_schemas.ddl import create_table
from classwaves_schemas.tables import DATABRICKS_TABLES
from classwaves_warehouse.open import open_warehouse
from classwaves_warehouse.settings import WarehouseSettings


def check() -> None:
    """Compare the tables with their contracts; list each difference and exit 1."""
    settings = WarehouseSettings.from_environment(os.environ)
    differences = open_warehouse(settings.warehouse).tables.check()
    for difference in differences:
        typer.echo(difference)
    if differences:
        raise typer.Exit(1)
    typer.echo("The tables match their contracts.")


def migrate() -> None:
    """Create missing tables and add missing columns; any other difference is an error."""
    settings = WarehouseSettings.from_environment(os.environ)
    for change in open_warehouse(settings.warehouse).tables.migrate() or ["Nothing to do."]:
        typer.echo(change)


def ddl(
    catalog: Annotated[str, typer.Option(help="Catalog of the tables.")] = "classwaves",
) -> None:
    """Print the statements that create the tables on Databricks."""
    for table in DATABRICKS_TABLES:
        typer.echo(f"{create_table(table, catalog)};\n")
