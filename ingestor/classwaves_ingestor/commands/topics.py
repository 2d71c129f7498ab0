"""`ingestor topics`: create the topics, and accept a re-created one."""

import os
from typing import Annotated

import typer

from classwaves_ingestor.kafka.admin import connect
from classwaves_ingestor.kafka.topic_creation import TopicLayout, create_topics
from classwaves_ingestor.kafka.topics import describe
from classwaves_ingestor.settings import StreamSettings, TopicSettings
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.open import open_warehouse


def create(
    partitions: Annotated[
        int, typer.Option(min=1, help="Partitions of events and of dead letters.")
    ] = 6,
    replication_factor: Annotated[
        int | None,
        typer.Option(min=1, help="Copies of each partition.", show_default="the cluster's default"),
    ] = None,
) -> None:
    """Create the missing topics; existing ones stay unchanged."""
    settings = TopicSettings.from_environment(os.environ)
    layout = TopicLayout(partitions, replication_factor)
    for line in create_topics(connect(settings.kafka), settings, layout):
        typer.echo(line)


def accept() -> None:
    """Accept a topic that was deleted and created again, and read it from its start."""
    settings = StreamSettings.from_environment(os.environ)
    topic = describe(settings.kafka, settings.session_events_topic)
    stream = Stream(settings.ingestor_group, topic.name, topic.topic_id)
    open_warehouse(settings.warehouse).ledger(stream).accept_topic()
    typer.echo(f"{topic.name}: group {stream.group} reads topic id {topic.topic_id} from now on")
