from datetime import UTC, datetime

import pytest

from classwaves_warehouse.databricks.rollup import may_have_written

HOUR = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("operation", "predicate", "answer"),
    [
        ("WRITE", "(metric_hour = TIMESTAMP '2026-03-02 08:00:00')", True),
        ("WRITE", '["(metric_hour#12 = 2026-03-02 08:00:00)"]', True),
        ("WRITE", "(metric_hour = TIMESTAMP '2026-03-02 09:00:00')", False),
        ("WRITE", None, True),
        ("DELETE", '["(school_id#1 = gone)"]', True),
        ("MERGE", "", True),
        ("OPTIMIZE", "[]", False),
        ("VACUUM END", None, False),
        ("SET TBLPROPERTIES", None, False),
    ],
)
def test_operation_and_predicate_show_whether_a_commit_may_have_written_an_hour(
    operation, predicate, answer
):
    parameters = [("mode", "x")] if predicate is None else [("predicate", predicate)]
    assert (
        may_have_written({"operation": operation, "operationParameters": parameters}, HOUR)
        is answer
    )
