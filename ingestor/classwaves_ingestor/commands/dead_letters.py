"""`ingestor dead-letters`: let messages be dead-lettered after most of them were bad."""

import os
from contextlib import closing

import typer

from classwaves_ingestor.reconciliation.acknowledgement import release as release_bad
from classwaves_ingestor.reconciliation.snapshot import SnapshotReader
from classwaves_ingestor.settings import StreamSettings
from classwaves_warehouse.open import open_warehouse


def release() -> None:
    """Dead-letter the bad messages of stopped partitions, up to the present end of the topic.

    Partitions stop when most of their messages are bad. After this command their consumer reads
    them again: what it can decode is stored, the rest is dead-lettered.
    """
    settings = StreamSettings.from_environment(os.environ)
    with closing(SnapshotReader(settings, open_warehouse(settings.warehouse))) as reader:
        for line in release_bad(reader) or ["Nothing to release."]:
            typer.echo(line)
