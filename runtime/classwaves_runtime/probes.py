"""A process's own HTTP server: /healthz, /readyz and /metrics."""

import json
import logging
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from classwaves_runtime.errors import SettingsError
from classwaves_runtime.health import Health, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)


@contextmanager
def probes(port: int, health: Health, registry: CollectorRegistry) -> "Iterator[int]":
    """Serve the probes in a thread while the block runs, and tell the port.

    Args:
        port: where to listen on all addresses; 0 takes a free one, which is logged.
        health: answers /healthz and /readyz, with 200 or 503 and the reasons.
        registry: answers /metrics.

    Raises:
        SettingsError: the port is taken.
    """
    try:
        server = make_server("", port, application(health, registry), _Server, _QuietHandler)
    except OSError as error:
        raise SettingsError(
            f"HTTP_PORT: cannot listen on {port} ({error.strerror}); 0 takes a free port"
        ) from error
    Thread(target=server.serve_forever, name="probes", daemon=True).start()
    log.info("serving /metrics, /healthz and /readyz", extra={"port": server.server_port})
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def application(health: Health, registry: CollectorRegistry) -> "WSGIApplication":
    """The three pages as a WSGI application."""
    metrics: WSGIApplication = make_wsgi_app(registry)
    verdicts: dict[str, Callable[[], Verdict]] = {
        "/healthz": health.live,
        "/readyz": health.readiness,
    }

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            return metrics(environ, start_response)
        if path not in verdicts:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"Here are /metrics, /healthz and /readyz.\n"]
        verdict = verdicts[path]()
        start_response(
            "200 OK" if verdict.ok else "503 Service Unavailable",
            [("Content-Type", "application/json")],
        )
        return [json.dumps({"ok": verdict.ok, "reasons": dict(verdict.reasons)}).encode() + b"\n"]

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    """A probe every few seconds is no news."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        pass
