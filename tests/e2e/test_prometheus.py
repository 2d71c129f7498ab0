"""Prometheus scrapes the demo's targets.json, and a rollup worker on the same tables."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest

from classwaves_ingestor.metrics import CONSUMER
from classwaves_ingestor.producer.metrics import PUBLISHER
from classwaves_rollup.metrics import WORKER
from classwaves_runtime.metrics import Kind
from local.kafka.free_port import free_port
from tests.support.waiting import wait_until

CATALOGUE = (*CONSUMER, *PUBLISHER, *WORKER)

ON_OCCASION = {
    "ingestor_conflicting_events_total",
    "ingestor_expired_offsets_total",
    "ingestor_publisher_failed_total",
    "ingestor_publisher_rejected_total",
    "ingestor_retries_total",
}
"""Labelled metrics that may have no series yet."""

CONFIGURATION = """
global: {{scrape_interval: 2s, scrape_timeout: 2s}}
scrape_configs:
  - job_name: demo
    file_sd_configs:
      - {{files: [{demo}, {worker}], refresh_interval: 1s}}
"""


@pytest.fixture(scope="module")
def programs():
    missing = [name for name in ("prometheus", "promtool") if shutil.which(name) is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"CI needs {' and '.join(missing)}: install prometheus.", pytrace=False)
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}: install prometheus.")


@pytest.fixture(scope="module")
def demo(programs, kafka, tmp_path_factory):
    """The file with the targets of a demo that runs for as long as they are needed."""
    folder = tmp_path_factory.mktemp("demo") / "folder"
    environ = {**os.environ, "DEMO_SECONDS": "60", "DEMO_FOLDER": str(folder), "DEMO_CHAOS": "off"}
    command = [sys.executable, "-m", "demo"]
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        wait_until((folder / "targets.json").exists, "the demo tells its targets")
        yield folder / "targets.json"
        running.terminate()


@pytest.fixture(scope="module")
def worker(demo):
    """The file with the target of a rollup's worker over the demo's tables."""
    port, warehouse = free_port(), demo.parent / "warehouse"
    command = [Path(sys.executable).with_name("rollup"), "run"]
    environ = {**os.environ, "WAREHOUSE": f"delta:{warehouse}", "HTTP_PORT": str(port)}
    target = demo.with_name("worker.json")
    target.write_text(
        json.dumps([{"targets": [f"127.0.0.1:{port}"], "labels": {"pod": "rollup-worker"}}])
    )
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        yield target
        running.terminate()


@pytest.fixture(scope="module")
def targets(demo, worker):
    return json.loads(demo.read_text()) + json.loads(worker.read_text())


@pytest.fixture(scope="module")
def ask(demo, worker, targets, tmp_path_factory):
    """A question to the HTTP API of a Prometheus that has scraped all targets twice."""
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    (folder / "prometheus.yml").write_text(CONFIGURATION.format(demo=demo, worker=worker))

    def asked(path):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/{path}", timeout=5) as answer:
            return json.load(answer)["data"]

    def all_are_up():
        try:
            active = asked("targets?state=active")["activeTargets"]
        except URLError:
            return False
        return len(active) == len(targets) and all(each["health"] == "up" for each in active)

    command = [
        "prometheus",
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
    ]
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log
        ) as running,
    ):
        try:
            wait_until(all_are_up, "all targets are up")
            wait_until(
                lambda: asked("query?query=ingestor_stored_rows_total>0")["result"],
                "something is stored",
            )
            yield asked
        finally:
            running.terminate()


def series(asked, name):
    return asked(f"series?match[]={name}")


def test_all_consumers_the_rollup_and_all_producers_with_the_sdk_are_up(ask):
    up = {each["metric"]["pod"]: each["value"][1] for each in ask("query?query=up")["result"]}
    assert up == dict.fromkeys(
        [
            "consumer-1",
            "consumer-2",
            "rollup-worker",
            "session-controller-1",
            "websocket-handler-1",
            "websocket-handler-2",
        ],
        "1",
    )


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_every_metric_of_the_catalogues_is_there_with_its_kind_and_its_meaning(ask, metric):
    known = ask("metadata")
    # Scraped as OpenMetrics a counter's family is called without the ending of its samples.
    entries = known.get(metric.name) or known.get(metric.name.removesuffix("_total"))
    assert entries is not None
    assert {(entry["type"], entry["help"]) for entry in entries} == {
        (metric.kind.value, metric.help)
    }


@pytest.mark.parametrize(
    "metric",
    [each for each in CATALOGUE if each.name not in ON_OCCASION],
    ids=lambda metric: metric.name,
)
def test_every_metric_that_has_had_an_occasion_has_series_with_its_labels(ask, metric):
    name = f"{metric.name}_bucket" if metric.kind is Kind.HISTOGRAM else metric.name
    wait_until(lambda: series(ask, name), f"{name} has a series")
    labels = {"le"} if metric.kind is Kind.HISTOGRAM else set(metric.labels)
    for found in series(ask, name):
        assert found.keys() - {"__name__", "instance", "job", "pod"} == labels


def test_promtools_linter_is_content_with_every_page_of_metrics(targets):
    for target in targets:
        with urllib.request.urlopen(f"http://{target['targets'][0]}/metrics", timeout=5) as answer:
            page = answer.read()
        checked = subprocess.run(
            ["promtool", "check", "metrics"], input=page, capture_output=True, check=False
        )
        assert (checked.returncode, checked.stderr, checked.stdout) == (0, b"", b""), target[
            "labels"
        ]["pod"]
