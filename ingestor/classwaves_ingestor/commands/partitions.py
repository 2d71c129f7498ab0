"""`ingestor partitions`: let stopped partitions go on, once a person knows what was lost."""

import os
from contextlib import closing

import typer

from classwaves_ingestor.reconciliation.acknowledgement import acknowledge as acknowledge_losses
from classwaves_ingestor.reconciliation.snapshot import SnapshotReader
from classwaves_ingestor.settings import StreamSettings
from classwaves_warehouse.open import open_warehouse


def acknowledge() -> None:
    """Acknowledge what the brokers lost, so that stopped partitions go on and `verify` passes.

    Expired offsets count as known. A partition whose log lost its tail is read again from where the
    log parted from what is stored; the stored events of the lost tail stay in the table.
    """
    settings = StreamSettings.from_environment(os.environ)
    with closing(SnapshotReader(settings, open_warehouse(settings.warehouse))) as reader:
        for line in acknowledge_losses(reader) or ["Nothing to acknowledge."]:
            typer.echo(line)
