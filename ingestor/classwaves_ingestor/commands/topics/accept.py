import os

import typer

from classwaves_ingestor.settings import LedgerSettings
from classwaves_ingestor.topics.description import describe
from classwaves_warehouse.open import open_warehouse
from classwaves_warehouse.stream import Stream


def accept() -> None:
    """Take a topic that was deleted and created again for the one to read, from its start."""
    settings = LedgerSettings.from_environment(os.environ)
    topic = describe(settings.kafka, settings.session_events_topic)
    stream = Stream(settings.ingestor_group, topic.name, topic.topic_id)
    open_warehouse(settings.warehouse).ledger(stream).accept_topic()
    typer.echo(f"{topic.name}: group {stream.group} reads id {topic.topic_id} from now on")
