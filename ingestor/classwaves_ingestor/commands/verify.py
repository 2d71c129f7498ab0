import json
import os
from contextlib import closing
from dataclasses import asdict, fields
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from classwaves_ingestor.reconciliation.balance import Balance
from classwaves_ingestor.reconciliation.snapshot import SnapshotReader
from classwaves_ingestor.reconciliation.verification import Verification
from classwaves_ingestor.reconciliation.verification import verify as prove
from classwaves_ingestor.settings import StreamSettings
from classwaves_runtime.clock import SystemClock
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.open import open_warehouse

_COLUMNS = [field.name for field in fields(Balance)]


def verify(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Read all messages without a row again: finds wrongly called duplicates."
        ),
    ] = False,
) -> None:
    """Prove that nothing is missing or stored twice, while consumers run.

    Exit 1 if something is, if expired offsets are not acknowledged, or if a partition is stopped.
    """
    settings = StreamSettings.from_environment(os.environ)
    with closing(SnapshotReader(settings, open_warehouse(settings.warehouse))) as reader:
        verification = prove(reader, SystemClock(), deep=deep)
    if as_json:
        typer.echo(json.dumps(_document(reader.stream, verification)))
    else:
        _show(verification)
    if not verification.passed:
        raise typer.Exit(1)


def _document(stream: Stream, verification: Verification) -> dict[str, Any]:
    return {
        **asdict(stream),
        "partitions": [
            {"partition": partition, **asdict(balance)}
            for partition, balance in verification.partitions.items()
        ],
        "total": asdict(verification.total),
        "findings": [
            {
                "kind": finding.kind,
                "partition": finding.partition,
                "offsets": [[each.start, each.stop - 1] for each in finding.offsets],
                "problem": finding.problem,
            }
            for finding in verification.findings
        ],
    }


def _show(verification: Verification) -> None:
    table = Table("partition", *(column.replace("_", " ") for column in _COLUMNS), box=None)
    for column in table.columns:
        column.justify = "right"
    for partition, balance in verification.partitions.items():
        table.add_row(str(partition), *(f"{count:,}" for count in asdict(balance).values()))
    total = verification.total
    table.add_section()
    table.add_row("total", *(f"{count:,}" for count in asdict(total).values()))
    Console(width=None if Console().is_terminal else 200).print(table)
    for finding in verification.findings:
        typer.echo(finding)
    typer.echo(f"missing {total.missing}, twice {total.twice}")
