"""The endpoint's HTTP: Thrift at the path of a warehouse, faults and the journal beside it."""

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
from local.databricks.errors import ConnectionLost, Refused
from local.databricks.fault import Fault, Kind, PendingFaults
from local.databricks.journal import Journal

# The header from which the client takes the reason of an HTTP status.
_REASON = "x-thriftserver-error-message"


@dataclass(frozen=True)
class Parts:
    """What requests reach."""

    processor: TCLIService.Processor
    faults: PendingFaults
    journal: Journal


class Server(ThreadingHTTPServer):
    """An HTTP server on a port of localhost; with `tls`, an HTTPS server."""

    daemon_threads = True

    def __init__(self, port: int, parts: Parts, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.parts = parts
        self._tls = tls

    def get_request(self) -> tuple[socket, Any]:
        """Leave the handshake to the connection's own thread: one that hangs must not keep others out."""
        connection, address = super().get_request()
        if self._tls:
            connection = self._tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def handle_error(self, request: Any, address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"  # connections are kept
    wbufsize: ClassVar[
        int
    ] = -1  # one write a reply: two would wait for each other's acknowledgement

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        match self.path:
            case "/_fault":
                fields = json.loads(body)
                self.server.parts.faults.add(Fault(**{**fields, "kind": Kind(fields["kind"])}))
                self._reply(HTTPStatus.NO_CONTENT)
            case path if path == HTTP_PATH:
                self._call(body)
            case _:
                self._reply(HTTPStatus.NOT_FOUND)

    def do_GET(self) -> None:
        if self.path == "/_log":
            self._reply(HTTPStatus.OK, json.dumps(self.server.parts.journal.as_json()).encode())
        else:
            self._reply(HTTPStatus.NOT_FOUND)

    def do_DELETE(self) -> None:
        clear = {
            "/_fault": self.server.parts.faults.clear,
            "/_log": self.server.parts.journal.clear,
        }.get(self.path)
        if clear is None:
            self._reply(HTTPStatus.NOT_FOUND)
        else:
            clear()
            self._reply(HTTPStatus.NO_CONTENT)

    def _call(self, body: bytes) -> None:
        reply = TMemoryBuffer()
        try:
            self.server.parts.processor.process(_protocol(TMemoryBuffer(body)), _protocol(reply))
        except ConnectionLost:
            self.close_connection = True
        except Refused as refusal:
            headers = {_REASON: refusal.message}
            if refusal.retry_after is not None:
                headers["Retry-After"] = str(refusal.retry_after)
            self._reply(refusal.status, **headers)
        else:
            self._reply(HTTPStatus.OK, reply.getvalue(), **{"Content-Type": "application/x-thrift"})

    def _reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The journal says more."""


def _protocol(transport: TMemoryBuffer) -> TBinaryProtocol:
    # Thrift's own limits are for strangers; ours are a batch of events in one string.
    return TBinaryProtocol(transport, string_length_limit=None, container_length_limit=None)
