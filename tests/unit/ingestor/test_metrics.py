import re

import pytest

from classwaves_ingestor import metrics
from classwaves_ingestor.producer.metrics import PUBLISHER
from classwaves_runtime.metrics import Kind

METRICS = (*metrics.CONSUMER, *PUBLISHER)
BOUNDED = {
    "outcome",
    "partition",
    "reason",
    "path",
    "cause",
    "event_type",
    "error",
    "table",
    "time_source",
}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metric_names_follow_the_conventions_of_prometheus(metric):
    assert re.fullmatch(r"ingestor_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.help.endswith(".")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_label_has_a_bounded_number_of_values(metric):
    assert set(metric.labels) <= BOUNDED


def test_metric_names_are_unique():
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
