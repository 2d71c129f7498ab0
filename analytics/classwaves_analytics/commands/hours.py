import json
import os
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from classwaves_analytics.trusted_hours import TrustedHours, read_trusted_hours
from classwaves_rollup.hours import parse_hours
from classwaves_runtime.clock import SystemClock
from classwaves_runtime.timestamps import format_timestamp
from classwaves_warehouse.open import open_warehouse
from classwaves_warehouse.settings import WarehouseSettings

_PIPED_WIDTH = 200


def hours(
    first: Annotated[
        str,
        typer.Option("--from", metavar="HOUR|DATE", help="The first hour, or its date, in UTC."),
    ],
    last: Annotated[
        str, typer.Option("--to", metavar="HOUR|DATE", help="The last hour, or its date, included.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    warehouse: Annotated[str | None, typer.Option(help="Instead of WAREHOUSE.")] = None,
) -> None:
    """Show which hours are read from the rollup, and why others are computed live."""
    environ = os.environ if warehouse is None else {**os.environ, "WAREHOUSE": warehouse}
    settings = WarehouseSettings.from_environment(environ)
    try:
        asked = parse_hours(first, last)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--from, --to") from error
    with open_warehouse(settings.warehouse).reader() as reader:
        found = read_trusted_hours(reader, asked, SystemClock().now())
    if as_json:
        typer.echo(json.dumps(_document(found), ensure_ascii=False))
    else:
        _print(found)


def _document(found: TrustedHours) -> dict[str, Any]:
    return {
        "versions": dict(found.tables.versions),
        "hours": [
            {
                "hour": format_timestamp(each.hour),
                "source": "stored" if each.is_stored else "live",
                "reason": each.reason,
                "detail": each.detail,
            }
            for each in found.hours
        ],
    }


def _print(found: TrustedHours) -> None:
    table = Table("hour (UTC)", "source", "reason", "detail", box=None)
    for each in found.hours:
        source = "stored" if each.is_stored else "live"
        table.add_row(f"{each.hour:%Y-%m-%d %H}", source, each.reason, each.detail)
    Console(width=None if Console().is_terminal else _PIPED_WIDTH).print(table)
    live = sum(not each.is_stored for each in found.hours)
    typer.echo(f"{len(found.hours)} hours, {live} of them live")
