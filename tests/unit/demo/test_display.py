import io

from demo.display import Report
from demo.freshness import Sample
from demo.readings import History
from tests.unit.demo.test_live_view import reading


def test_a_reading_is_one_line_of_at_most_160_columns_with_exact_freshness():
    history, stream = History(), io.StringIO()
    Report(stream).reading(history)
    assert stream.getvalue() == ""
    history.add(reading(samples=[Sample(0.0, 0.31), Sample(0.0, 9.99, in_outage=True)]))
    Report(stream).reading(history)
    (line,) = stream.getvalue().splitlines()
    assert len(line) <= 160
    assert line.endswith("event → queryable p50 0.31 s p99 0.31 s, faults 9.99 s")


def test_freshness_without_events_is_unknown():
    history, stream = History(), io.StringIO()
    history.add(reading(samples=[]))
    Report(stream).reading(history)
    assert stream.getvalue().endswith("event → queryable p50 ? p99 ?, faults ?\n")
