"""`python -m local.databricks`: runs the endpoint in the foreground until Ctrl-C."""

import signal
import ssl
from pathlib import Path
from threading import Thread
from typing import Annotated

import trustme
import typer
from databricks.sql.thrift_api.TCLIService import TCLIService

from local.databricks.environment import environment
from local.databricks.execution_log import ExecutionLog
from local.databricks.faults import PendingFaults
from local.databricks.protocol import Protocol
from local.databricks.server import Backend, Server
from local.databricks.sessions import Sessions
from local.databricks.spark import start_spark
from local.databricks.statements import StatementRunner
from local.kafka.errors import UnavailableError


def main(
    folder: Annotated[Path, typer.Option(help="Folder for the tables and the catalog.")],
    port: Annotated[int, typer.Option(help="Port of localhost for HTTP.")] = 18080,
    tls_port: Annotated[int, typer.Option(help="Port of localhost for HTTPS.")] = 18443,
) -> None:
    """Serve Databricks' Thrift protocol over Spark SQL and Delta on this machine."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    faults, executions = PendingFaults(), ExecutionLog()
    try:
        spark = start_spark(folder)
        protocol = Protocol(Sessions(spark), StatementRunner(executions), faults)
        backend = Backend(TCLIService.Processor(protocol), faults, executions)
        tls_server = Server(tls_port, backend, _tls_context(folder))
        Thread(target=tls_server.serve_forever, daemon=True).start()
        server = Server(port, backend)
        for name, value in environment(port).items():
            typer.echo(f"export {name}={value}")
        typer.echo(f"# TLS: port {tls_port}, signed by {folder / 'ca.pem'}. Ctrl-C stops it.")
        server.serve_forever()
    except KeyboardInterrupt:
        return
    except UnavailableError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def _tls_context(folder: Path) -> ssl.SSLContext:
    """A new certificate for localhost; its authority is written to the folder's ca.pem."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


if __name__ == "__main__":
    typer.run(main)
