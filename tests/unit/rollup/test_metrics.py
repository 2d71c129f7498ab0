import re
from pathlib import Path

import pytest

from classwaves_ingestor import metrics as ingestor_metrics
from classwaves_rollup import metrics
from classwaves_runtime.metrics import Kind

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_the_page_has_the_metrics_of_both_processes():
    written = f"{ingestor_metrics.document()}\n{metrics.document()}"
    assert PAGE.read_text() == written, "docs/metrics.md has drifted: run `make docs`"


@pytest.mark.parametrize("metric", metrics.WORKER, ids=lambda metric: metric.name)
def test_a_metric_is_named_by_the_conventions_of_prometheus(metric):
    assert re.fullmatch(r"rollup_[a-z_]+", metric.name)
    assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
    assert metric.help.endswith(".")
    assert set(metric.labels) <= {"outcome"}
