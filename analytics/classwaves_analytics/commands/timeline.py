import json
import os
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from classwaves_analytics.shapes import SHAPES, Shape
from classwaves_analytics.timeline import Timeline, read_timeline
from classwaves_warehouse.open import open_warehouse
from classwaves_warehouse.settings import WarehouseSettings

_PIPED_WIDTH = 200


def timeline(
    session: Annotated[str, typer.Argument(help="The session's id.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    shape: Annotated[Shape, typer.Option(help="The shape of an event in --json.")] = Shape.STORE,
    warehouse: Annotated[str | None, typer.Option(help="Instead of WAREHOUSE.")] = None,
) -> None:
    """Show a session's events in order, and the gaps in their sources' sequence numbers."""
    environ = os.environ if warehouse is None else {**os.environ, "WAREHOUSE": warehouse}
    settings = WarehouseSettings.from_environment(environ)
    with open_warehouse(settings.warehouse).reader() as reader:
        found = read_timeline(reader, session)
    if as_json:
        typer.echo(json.dumps(_document(found, shape), ensure_ascii=False))
    else:
        _print(found)


def _document(found: Timeline, shape: Shape) -> dict[str, Any]:
    return {
        "session_id": found.session_id,
        "timeline": [SHAPES[shape](event) for event in found.events],
        "gaps": [asdict(gap) for gap in found.gaps],
    }


def _print(found: Timeline) -> None:
    table = Table("time (UTC)", "type", "source", "number", box=None, expand=True)
    table.add_column("payload", ratio=1)  # shrinks if the terminal is narrow
    for column in table.columns:
        column.no_wrap = True
    for event in found.events:
        payload = (
            f"unreadable: {event.raw_payload}"
            if event.payload is None
            else json.dumps(event.payload)
        )
        time = f"{event.event_time:%Y-%m-%d %H:%M:%S.%f}"[:-3]
        table.add_row(time, event.event_type, event.source, str(event.sequence or ""), payload)
    Console(width=None if Console().is_terminal else _PIPED_WIDTH).print(table)
    for gap in found.gaps:
        typer.echo(f"gap: source {gap.source} lacks {gap.first} to {gap.last}")
    typer.echo(f"{len(found.events)} events, {len(found.gaps)} gaps")
