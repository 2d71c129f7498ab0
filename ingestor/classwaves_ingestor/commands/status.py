import json
import os
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from classwaves_ingestor.kafka.interface import TimeSource
from classwaves_ingestor.reconciliation.status import PartitionStatus, Status
from classwaves_ingestor.reconciliation.status import status as read_status
from classwaves_ingestor.settings import StreamSettings
from classwaves_runtime.timestamps import format_timestamp
from classwaves_warehouse.open import open_warehouse

_TIME_SOURCES = {
    TimeSource.MESSAGES: "broker time: taken from the messages, because the clock topic cannot be "
    "read",
    TimeSource.UNKNOWN: "broker time: unknown, no hour becomes complete",
}


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show positions and lag of the consumer group, and the size of the table."""
    settings = StreamSettings.from_environment(os.environ)
    found = read_status(settings, open_warehouse(settings.warehouse))
    if as_json:
        typer.echo(json.dumps(_document(found)))
    else:
        _show(found)


def _document(found: Status) -> dict[str, Any]:
    return {
        **asdict(found.stream),
        "partitions": [
            {"partition": partition, **_row(each)} for partition, each in found.partitions.items()
        ],
        "lag": sum(each.lag for each in found.partitions.values()),
        "stored_until": _moment(found.ingested_through),
        "broker_time": asdict(found.broker_time),
        "table": asdict(found.table),
    }


def _row(each: PartitionStatus) -> dict[str, Any]:
    return {
        "position": each.position,
        "end": each.end,
        "lag": each.lag,
        "stored_until": _moment(each.ingested_through),
        "open_transaction": each.open_transaction,
        "expired": each.expired,
        "stopped": each.stopped,
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else format_timestamp(moment)


def _show(found: Status) -> None:
    table = Table("partition", "position", "end", "lag", "stored until", "expired", box=None)
    for column in table.columns:
        column.justify = "right"
    for partition, each in found.partitions.items():
        table.add_row(
            str(partition),
            *map(str, (each.position, each.end, each.lag)),
            _moment(each.ingested_through) or "unknown",
            str(each.expired),
        )
    Console(width=None if Console().is_terminal else 200).print(table)
    for partition, each in found.partitions.items():
        if each.stopped is not None:
            typer.echo(f"stopped: partition {partition}: {each.stopped}")
        if each.open_transaction is not None:
            typer.echo(
                f"open transaction: partition {partition} delivers nothing from offset "
                f"{each.open_transaction} on, and its hours stay open, until the transaction ends"
            )
    if found.broker_time.problem is not None:
        typer.echo(f"{_TIME_SOURCES[found.broker_time.source]}: {found.broker_time.problem}")
    size = found.table
    typer.echo(
        f"session_events: {size.rows} rows in {size.files} files, {size.bytes} bytes, "
        f"last commit {size.version}, {size.log_entries} log entries since its checkpoint"
    )
