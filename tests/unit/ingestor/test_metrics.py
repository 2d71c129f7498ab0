import re

import pytest

from classwaves_ingestor import metrics
from classwaves_ingestor.producer.metrics import PUBLISHER
from classwaves_runtime.metrics import Kind

METRICS = (*metrics.CONSUMER, *PUBLISHER)
BOUNDED = {"partition", "reason", "path", "cause", "event_type", "error"}


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_a_metric_is_named_as_prometheus_names_things(metric):
    assert re.fullmatch(r"ingestor_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.help.endswith(".")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_no_label_grows_with_users(metric):
    assert set(metric.labels) <= BOUNDED


def test_no_name_is_used_twice():
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
