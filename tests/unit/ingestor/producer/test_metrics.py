import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from ingestor.producer.metrics import PUBLISHER, PublisherMetrics
from service.metrics import Kind, page

DOCUMENT = Path(__file__).parents[4] / "docs" / "publisher.md"


def test_the_page_lists_the_catalogue():
    table = page("", PUBLISHER).partition("| metric")[2]
    assert table.strip() in DOCUMENT.read_text()


@pytest.mark.parametrize("metric", PUBLISHER, ids=lambda metric: metric.name)
def test_a_metric_is_named_as_prometheus_names_things(metric):
    assert re.fullmatch(r"ingestor_publisher_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert set(metric.labels) <= {"event_type", "error", "path", "reason"}


def test_every_metric_of_the_catalogue_is_scraped_from_the_start():
    registry = CollectorRegistry()
    PublisherMetrics.of(registry)
    scraped = generate_latest(registry).decode()
    assert all(f"# HELP {metric.name} " in scraped for metric in PUBLISHER)
