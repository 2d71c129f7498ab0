import json
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from classwaves_runtime.clock import ManualClock
from classwaves_runtime.errors import SettingsError
from classwaves_runtime.health import STALL_SECONDS, Health, serve_health
from classwaves_runtime.metrics import Meters, counter

SEEN = counter("house_seen_total", "Seen.")


@pytest.fixture
def clock():
    return ManualClock(datetime(2026, 9, 1, tzinfo=UTC))


@pytest.fixture
def health(clock):
    return Health(clock)


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def port(health, registry):
    with serve_health(0, health, registry) as port:
        yield port


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://localhost:{port}{path}") as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_liveness_and_readiness_answer_with_their_reasons(port, health, clock):
    assert get(port, "/healthz")[0] == 200
    status, body = get(port, "/readyz")
    assert (status, json.loads(body)) == (503, {"ok": False, "reasons": {"start": "starting"}})
    health.ready("start")
    assert get(port, "/readyz")[0] == 200
    clock.advance(STALL_SECONDS)
    assert get(port, "/healthz")[0] == 503


def test_metrics_are_served_as_prometheus_reads_them(port, registry):
    Meters([SEEN], registry).count(SEEN, 3)
    status, body = get(port, "/metrics")
    assert status == 200
    assert "house_seen_total 3.0" in body


def test_another_path_lists_the_pages(port):
    status, body = get(port, "/")
    assert status == 404
    assert "/metrics, /healthz and /readyz" in body


def test_a_port_that_is_taken_is_a_clear_error(port, health, registry):
    with (
        pytest.raises(SettingsError, match=f"HTTP_PORT: cannot listen on {port}"),
        serve_health(port, health, registry),
    ):
        pass
