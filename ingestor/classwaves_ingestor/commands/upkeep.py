import os
from typing import Annotated

import typer

from classwaves_ingestor.upkeep.child import run_pass
from classwaves_ingestor.upkeep.report import PassReport
from classwaves_runtime import failpoints
from classwaves_runtime.clock import SystemClock
from classwaves_warehouse.interface import TableUpkeep
from classwaves_warehouse.open import open_warehouse
from classwaves_warehouse.settings import WarehouseSettings


def upkeep(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Compact small files, clean the log and delete old files, in one pass over all tables.

    No row and no position changes, and consumers may run. Exit 1 if a table could not be reached.
    """
    settings = WarehouseSettings.from_environment(os.environ)
    warehouse = open_warehouse(settings.warehouse)
    failpoints.arm(os.environ)  # those of the adapter, too
    report = run_pass(warehouse.upkeep(), SystemClock())
    if as_json:
        typer.echo(report.to_json())
    else:
        _show(report)
    if report.error is not None:
        typer.echo(report.error, err=True)
        raise typer.Exit(1)


def _show(report: PassReport) -> None:
    for table in report.tables:
        typer.echo(_line(table))
    if any(table.unfinished for table in report.tables):
        typer.echo("There is more to rewrite: run `ingestor upkeep` again.")


def _line(table: TableUpkeep) -> str:
    files = ""
    if table.files_before is not None:
        files = f"{table.files_before} files before, {table.files_after} after; "
    return (
        f"{table.table}: {files}{table.groups} groups with {table.rows} rows rewritten, "
        f"{table.lost} lost; {table.vacuumed} old files and {table.log_entries} log entries deleted"
    )
