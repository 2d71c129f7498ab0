import os
from typing import Annotated

import typer

from classwaves_ingestor.settings import TopicSettings
from classwaves_ingestor.topics.admin import connect
from classwaves_ingestor.topics.creation import Shape, create_topics


def create(
    partitions: Annotated[int, typer.Option(min=1, help="Partitions of each topic.")] = 6,
    replication_factor: Annotated[
        int | None,
        typer.Option(min=1, help="Copies of each partition.", show_default="the cluster's default"),
    ] = None,
) -> None:
    """Create the topics that are not there yet; what is there stays as it is."""
    settings = TopicSettings.from_environment(os.environ)
    for line in create_topics(
        connect(settings.kafka), settings, Shape(partitions, replication_factor)
    ):
        typer.echo(line)
