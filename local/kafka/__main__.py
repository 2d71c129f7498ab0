"""`python -m local.kafka`: a Kafka in the foreground, until Ctrl-C."""

import signal
import threading
from typing import Annotated

import typer

from local.kafka.choice import start
from local.kafka.errors import LocalKafkaError


def main(
    port: Annotated[int, typer.Option(help="Port on localhost; 0 takes a free one.")] = 9092,
) -> None:
    """Run a Kafka for trials on this machine; its data ends with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with start(port) as kafka:
            typer.echo(kafka.describe())
            typer.echo("Ctrl-C stops it.")
            threading.Event().wait()
    except KeyboardInterrupt:
        return
    except LocalKafkaError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)
