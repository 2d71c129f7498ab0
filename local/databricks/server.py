"""The endpoint's HTTP server: Thrift at a warehouse's path, and a control interface.

Control: POST and DELETE /_fault, GET and DELETE /_log.
"""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any, ClassVar

from databricks.sql.thrift_api.TCLIService import TCLIService
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from local.databricks.environment import HTTP_PATH
from local.databricks.errors import ConnectionLost, HTTPStatusError
from local.databricks.execution_log import ExecutionLog
from local.databricks.faults import Fault, FaultKind, PendingFaults

# The header from which the connector takes the reason of an HTTP status.
_REASON_HEADER = "x-thriftserver-error-message"


@dataclass(frozen=True)
class Backend:
    """Handlers of the requests, shared by the HTTP and the HTTPS server."""

    processor: TCLIService.Processor
    faults: PendingFaults
    executions: ExecutionLog


class Server(ThreadingHTTPServer):
    """Serves HTTP on a port of localhost, or HTTPS with a `tls` context."""

    daemon_threads = True

    def __init__(self, port: int, backend: Backend, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.backend = backend
        self._tls = tls

    def get_request(self) -> tuple[socket, Any]:
        """Accept a connection; its own thread does the TLS handshake, so none blocks the rest."""
        connection, address = super().get_request()
        if self._tls:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing: clients of tests break connections on purpose."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"  # keeps connections open
    wbufsize: ClassVar[int] = -1  # one write for each reply, so that none waits for an ACK

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        match self.path:
            case "/_fault":
                fields = json.loads(body)
                fault = Fault(**{**fields, "kind": FaultKind(fields["kind"])})
                self.server.backend.faults.add(fault)
                self._reply(HTTPStatus.NO_CONTENT)
            case path if path == HTTP_PATH:
                self._call(body)
            case _:
                self._reply(HTTPStatus.NOT_FOUND)

    def do_GET(self) -> None:
        if self.path == "/_log":
            logged = self.server.backend.executions.as_json()
            self._reply(HTTPStatus.OK, json.dumps(logged).encode())
        else:
            self._reply(HTTPStatus.NOT_FOUND)

    def do_DELETE(self) -> None:
        clear = {
            "/_fault": self.server.backend.faults.clear,
            "/_log": self.server.backend.executions.clear,
        }.get(self.path)
        if clear is None:
            self._reply(HTTPStatus.NOT_FOUND)
        else:
            clear()
            self._reply(HTTPStatus.NO_CONTENT)

    def _call(self, body: bytes) -> None:
        reply = TMemoryBuffer()
        try:
            self.server.backend.processor.process(
                _thrift_protocol(TMemoryBuffer(body)), _thrift_protocol(reply)
            )
        except ConnectionLost:
            self.close_connection = True
        except HTTPStatusError as error:
            headers = {_REASON_HEADER: error.message}
            if error.retry_after is not None:
                headers["Retry-After"] = str(error.retry_after)
            self._reply(error.status, **headers)
        else:
            self._reply(HTTPStatus.OK, reply.getvalue(), **{"Content-Type": "application/x-thrift"})

    def _reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log no requests: the execution log has the statements."""


def _thrift_protocol(transport: TMemoryBuffer) -> TBinaryProtocol:
    # Thrift's default limits are smaller than a batch of events in one string.
    return TBinaryProtocol(transport, string_length_limit=None, container_length_limit=None)
