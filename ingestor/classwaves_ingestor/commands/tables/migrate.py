import os

import typer

from classwaves_warehouse.open import open_warehouse
from classwaves_warehouse.settings import WarehouseSettings


def migrate() -> None:
    """Create missing tables and add missing columns; what adding cannot mend is an error."""
    settings = WarehouseSettings.from_environment(os.environ)
    for done in open_warehouse(settings.warehouse).tables.migrate() or ["Nothing to do."]:
        typer.echo(done)
