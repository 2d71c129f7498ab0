"""Health of a process: liveness and readiness, its HTTP server, and stacks when it is stuck."""

import faulthandler
import json
import logging
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app

from classwaves_runtime.clock import Clock
from classwaves_runtime.errors import SettingsError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

STALL_SECONDS = 60.0
"""A main loop without a heartbeat for this long is stuck. It also beats while it waits."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The answer to a probe.

    Args:
        ok: whether the probe passed.
        reasons: why not, by cause.
    """

    ok: bool
    reasons: Mapping[str, str]


class Health:
    """Tracks whether a process is live and ready. Thread-safe.

    Args:
        clock: measures the time since the last heartbeat.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._beat_at = clock.monotonic()
        self._unready: dict[str, str] = {"start": "starting"}

    def heartbeat(self) -> None:
        """Record that the main loop makes progress."""
        self._beat_at = self._clock.monotonic()

    def seconds_since_heartbeat(self) -> float:
        """Return the seconds since the main loop last made progress."""
        return self._clock.monotonic() - self._beat_at

    def unready(self, cause: str, reason: str) -> None:
        """Make the process unready until `ready` is called with the same cause."""
        with self._lock:
            self._unready[cause] = reason

    def ready(self, cause: str) -> None:
        """Remove a cause of unreadiness."""
        with self._lock:
            self._unready.pop(cause, None)

    def live(self) -> ProbeResult:
        """Return whether the main loop makes progress; waiting for a warehouse is progress."""
        seconds = self.seconds_since_heartbeat()
        if seconds < STALL_SECONDS:
            return ProbeResult(ok=True, reasons={})
        return ProbeResult(ok=False, reasons={"loop": f"no heartbeat for {seconds:.0f} s"})

    def readiness(self) -> ProbeResult:
        """Return whether the process is live and has no cause of unreadiness."""
        live = self.live()
        with self._lock:
            reasons = {**live.reasons, **self._unready}
        return ProbeResult(ok=not reasons, reasons=reasons)


@contextmanager
def serve_health(port: int, health: Health, registry: CollectorRegistry) -> Iterator[int]:
    """Serve /healthz, /readyz and /metrics in a thread while the block runs.

    Args:
        port: to listen on, on all addresses; 0 takes a free port, which is logged.
        health: answers /healthz and /readyz with 200 or 503 and the reasons.
        registry: answers /metrics.

    Yields:
        The port.

    Raises:
        SettingsError: the port is in use.
    """
    try:
        server = make_server("", port, _application(health, registry), _Server, _QuietHandler)
    except OSError as error:
        raise SettingsError(
            f"HTTP_PORT: cannot listen on {port} ({error.strerror}); 0 takes a free port"
        ) from error
    threading.Thread(target=server.serve_forever, name="health-server", daemon=True).start()
    log.info("Serving /metrics, /healthz and /readyz", extra={"port": server.server_port})
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _application(health: Health, registry: CollectorRegistry) -> "WSGIApplication":
    metrics: WSGIApplication = make_wsgi_app(registry)
    probes: dict[str, Callable[[], ProbeResult]] = {
        "/healthz": health.live,
        "/readyz": health.readiness,
    }

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "/")
        if path == "/metrics":
            return metrics(environ, start_response)
        if path not in probes:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"Pages: /metrics, /healthz and /readyz.\n"]
        result = probes[path]()
        start_response(
            "200 OK" if result.ok else "503 Service Unavailable",
            [("Content-Type", "application/json")],
        )
        return [json.dumps({"ok": result.ok, "reasons": dict(result.reasons)}).encode() + b"\n"]

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    """Does not log requests: probes arrive every few seconds."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - name of the base
        pass


def thread_stacks() -> str:
    """Return the current stack of every thread."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "\n".join(
        f"Thread {names.get(ident, ident)}:\n{''.join(traceback.format_stack(frame))}"
        for ident, frame in sys._current_frames().items()
    )


def dump_stacks_on_sigquit() -> None:
    """Write all stacks to stderr at SIGQUIT, also while the main thread is in native code."""
    faulthandler.register(signal.SIGQUIT, all_threads=True)


@contextmanager
def stall_watch(health: Health, interval_seconds: float = 1.0) -> Iterator[None]:
    """Log all stacks once per stall of the main loop while the block runs.

    Args:
        health: of the process.
        interval_seconds: between two checks.
    """
    stop = threading.Event()

    def watch() -> None:
        logged = False
        while not stop.wait(interval_seconds):
            stuck = health.seconds_since_heartbeat() >= STALL_SECONDS
            if stuck and not logged:
                log.error("The main loop is stuck", extra={"stacks": thread_stacks()})
            logged = stuck

    watcher = threading.Thread(target=watch, name="stall-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        stop.set()
        watcher.join()
