"""`python -m local.databricks`: the endpoint in the foreground, until Ctrl-C."""

import signal
import ssl
from pathlib import Path
from threading import Thread
from typing import Annotated

import trustme
import typer
from databricks.sql.thrift_api.TCLIService import TCLIService

from local.databricks.environment import environment
from local.databricks.fault import PendingFaults
from local.databricks.journal import Journal
from local.databricks.lakehouse import open_lakehouse
from local.databricks.protocol import Protocol
from local.databricks.server import Parts, Server
from local.databricks.session import Sessions
from local.databricks.statements import Statements
from local.kafka.errors import UnavailableError


def main(
    folder: Annotated[Path, typer.Option(help="Where the tables and the catalog are kept.")],
    port: Annotated[int, typer.Option(help="Port of localhost for HTTP.")] = 18080,
    tls_port: Annotated[int, typer.Option(help="Port of localhost for HTTPS.")] = 18443,
) -> None:
    """Serve Databricks' Thrift protocol over Spark SQL and Delta on this machine."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    faults, journal = PendingFaults(), Journal()
    try:
        spark = open_lakehouse(folder)
        protocol = Protocol(Sessions(spark), Statements(journal), faults)
        parts = Parts(TCLIService.Processor(protocol), faults, journal)
        Thread(
            target=Server(tls_port, parts, _certified(folder)).serve_forever, daemon=True
        ).start()
        server = Server(port, parts)
        for name, value in environment(port).items():
            typer.echo(f"export {name}={value}")
        typer.echo(
            f"# TLS: port {tls_port}, to be trusted by {folder / 'ca.pem'}. Ctrl-C stops it."
        )
        server.serve_forever()
    except KeyboardInterrupt:
        return
    except UnavailableError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _certified(folder: Path) -> ssl.SSLContext:
    """A certificate for localhost; whom to trust for it is in the folder's ca.pem."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


if __name__ == "__main__":
    typer.run(main)
