import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from classwaves_ingestor.producer.metrics import PUBLISHER, PublisherMetrics, Waiting
from classwaves_runtime.metrics import Kind, page

DOCUMENT = Path(__file__).parents[4] / "docs" / "publisher.md"


def test_the_documentation_lists_every_metric():
    table = page("", PUBLISHER).partition("| metric")[2]
    assert table.strip() in DOCUMENT.read_text()


@pytest.mark.parametrize("metric", PUBLISHER, ids=lambda metric: metric.name)
def test_metric_names_follow_prometheus_conventions(metric):
    assert re.fullmatch(r"ingestor_publisher_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert set(metric.labels) <= {"event_type", "error", "path", "reason"}


def test_every_metric_is_exported_from_the_start():
    registry = CollectorRegistry()
    PublisherMetrics.of(registry)
    scraped = generate_latest(registry).decode()
    assert all(f"# HELP {metric.name} " in scraped for metric in PUBLISHER)


@pytest.fixture
def gauges():
    registry = CollectorRegistry()
    names = ("spool_events", "spool_bytes", "oldest_event_age_seconds", "left_spools")
    return PublisherMetrics.of(registry), lambda: tuple(
        registry.get_sample_value(f"ingestor_publisher_{name}") for name in names
    )


def test_gauges_sum_the_events_of_all_publishers_and_report_the_oldest(gauges):
    metrics, read = gauges
    metrics.spools_waiting("a", Waiting(1, 10, 5.0, 0))
    metrics.spools_waiting("b", Waiting(2, 20, 3.0, 1))
    assert read() == (3, 30, 5, 1)
    metrics.spools_waiting("a", Waiting(0, 0, 0.0, 0))
    assert read() == (2, 20, 3, 1)


def test_gauges_leave_out_closed_publishers(gauges):
    metrics, read = gauges
    metrics.spools_waiting("a", Waiting(1, 10, 5.0, 1))
    metrics.closed("a")
    assert read() == (0, 0, 0, 0)


def test_gauges_of_a_forked_child_leave_out_the_parents_publishers(gauges):
    metrics, read = gauges
    metrics.spools_waiting("parent's", Waiting(1, 10, 5.0, 1))
    metrics.after_fork_in_child("parent's")
    metrics.spools_waiting("child's", Waiting(2, 20, 3.0, 0))
    assert read() == (2, 20, 3, 0)


def test_events_are_counted_at_a_scrape_without_a_thread():
    registry = CollectorRegistry()
    PublisherMetrics(registry).delivered(3)
    assert registry.get_sample_value("ingestor_publisher_delivered_total") == 3


def test_a_forked_child_does_not_count_the_events_of_its_parent():
    registry = CollectorRegistry()
    metrics = PublisherMetrics(registry)
    metrics.delivered(3)
    metrics.after_fork_in_child("parent's")
    assert registry.get_sample_value("ingestor_publisher_delivered_total") == 0


def test_an_emit_that_interrupts_a_counter_waits_for_no_lock():
    registry = CollectorRegistry()
    metrics = PublisherMetrics(registry)
    counter = metrics._metrics["delivered_total"]
    with counter._value._lock:
        metrics.delivered(1)
    assert registry.get_sample_value("ingestor_publisher_delivered_total") == 1
