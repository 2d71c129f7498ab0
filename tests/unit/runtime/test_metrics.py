import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from classwaves_runtime.metrics import Meters, counter, gauge, histogram, page

COMMITS = counter("house_commits_total", "Commits.", "kind")
LAG = gauge("house_lag", "Lag.", "partition")
SECONDS = histogram("house_seconds", "Seconds.", (0.1, 1.0, 10.0))


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def meters(registry):
    return Meters([COMMITS, LAG, SECONDS], registry)


def scraped(registry):
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {
        (each.name, *sorted(each.labels.values())): each.value
        for family in families
        for each in family.samples
    }


def test_a_counter_counts_for_each_of_its_labels(meters, registry):
    meters.count(COMMITS, 2, "full")
    meters.count(COMMITS, 1, "full")
    meters.count(COMMITS, 5, "empty")
    found = scraped(registry)
    assert found["house_commits_total", "full"] == 3
    assert found["house_commits_total", "empty"] == 5


def test_a_series_of_a_gauge_can_be_removed(meters, registry):
    meters.set(LAG, 7, 0)
    meters.set(LAG, 9, 1)
    meters.forget(LAG, 0)
    found = scraped(registry)
    assert ("house_lag", "0") not in found
    assert found["house_lag", "1"] == 9


def test_what_is_not_in_the_catalogue_cannot_be_measured(meters):
    with pytest.raises(KeyError):
        meters.count(counter("house_other_total", "Other."))


def test_every_declared_metric_is_on_the_page_and_in_a_scrape_before_anything_happened(
    meters, registry
):
    exposition = generate_latest(registry).decode()
    for metric in (COMMITS, LAG, SECONDS):
        assert f"# TYPE {metric.name} {metric.kind}" in exposition
        assert f"`{metric.name}`" in page("Metrics", [COMMITS, LAG, SECONDS])


@given(st.lists(st.floats(min_value=0, max_value=100)))
def test_a_histogram_counts_each_value_at_every_bound_that_is_not_below_it(values):
    registry = CollectorRegistry()
    meters = Meters([SECONDS], registry)
    for value in values:
        meters.observe(SECONDS, value)
    found = scraped(registry)
    for bound in SECONDS.bounds:
        assert found["house_seconds_bucket", str(bound)] == sum(value <= bound for value in values)
    assert found["house_seconds_count",] == found["house_seconds_bucket", "+Inf"] == len(values)
    assert found["house_seconds_sum",] == pytest.approx(sum(values))


def test_many_values_at_once_equal_the_same_values_one_by_one(registry):
    meters = Meters([SECONDS], registry)
    meters.observe_many(SECONDS, [2, 0, 1, 1], 50.2)
    found = scraped(registry)
    assert [found["house_seconds_bucket", bound] for bound in ("0.1", "1.0", "10.0", "+Inf")] == [
        2,
        2,
        3,
        4,
    ]
    assert found["house_seconds_sum",] == pytest.approx(50.2)
