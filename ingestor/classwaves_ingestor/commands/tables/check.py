import os

import typer

from classwaves_warehouse.open import open_warehouse
from classwaves_warehouse.settings import WarehouseSettings


def check() -> None:
    """Hold the tables against their contracts; exit 1 with each difference, by table and column."""
    settings = WarehouseSettings.from_environment(os.environ)
    differences = open_warehouse(settings.warehouse).tables.check()
    for difference in differences:
        typer.echo(difference)
    if differences:
        raise typer.Exit(1)
    typer.echo("The tables are as their contracts say.")
