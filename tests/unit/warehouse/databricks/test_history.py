import pytest

from classwaves_warehouse.databricks.history import wrote

HOUR = "2026-03-02 08:00:00"


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
def test_who_may_have_written_an_hour_is_told_from_operation_and_predicate(
    operation, predicate, answer
):
    parameters = [("mode", "x")] if predicate is None else [("predicate", predicate)]
    assert wrote({"operation": operation, "operationParameters": parameters}, HOUR) is answer
