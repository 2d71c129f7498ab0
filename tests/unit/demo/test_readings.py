import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.ledger_poller import LedgerTotals
from demo.readings import History, Reading, quantile, spark

BOUNDS = (0.1, 1.0, 10.0)


def reading(at, rows=0, latencies=(0, 0, 0, 0)):
    return Reading(
        at=at,
        emitted=0,
        ends={},
        ledger=LedgerTotals({}, rows, 0, {}),
        latencies=latencies,
        consumers=[],
        publishers=[],
        plain=[],
        broker_up=True,
    )


def history(*readings):
    found = History(BOUNDS)
    for each in readings:
        found.add(each)
    return found


def test_a_rate_is_the_growth_in_a_second():
    found = history(reading(0.0, rows=100), reading(2.0, rows=300), reading(3.0, rows=300))
    assert found.rates(lambda each: each.ledger.rows) == [100, 0]


def test_one_reading_has_no_rate_and_none_has_no_freshness():
    assert history(reading(0.0)).rates(lambda each: each.sent) == []
    assert history().freshness(0.5) is None


def test_freshness_looks_back_ten_seconds_and_forgets_what_was_before():
    slow_then_fast = history(
        reading(0.0),
        reading(1.0, latencies=(0, 0, 100, 100)),
        reading(12.0, latencies=(50, 50, 150, 150)),
    )
    assert slow_then_fast.freshness(1.0) is None
    slow_then_fast.add(reading(13.0, latencies=(100, 100, 200, 200)))
    assert slow_then_fast.freshness(1.0) == 0.1


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.0, 0.0), (0.25, 0.05), (0.5, 0.1), (0.75, 1.0), (0.875, 5.5), (1.0, 10.0)],
)
def test_a_quantile_lies_within_its_bucket_in_proportion(share, expected):
    assert quantile(share, BOUNDS, (40, 60, 80, 80)) == pytest.approx(expected)


def test_a_quantile_above_all_bounds_is_the_last_bound():
    assert quantile(0.99, BOUNDS, (1, 1, 1, 100)) == 10.0


@given(st.lists(st.integers(0, 1000), min_size=4, max_size=4), st.floats(0, 1), st.floats(0, 1))
def test_quantiles_grow_with_their_share(counts, one, other):
    counts = sorted(counts)
    low, high = (quantile(share, BOUNDS, counts) for share in sorted((one, other)))
    assert (low is None) == (high is None) == (counts[-1] == 0)
    assert low is None or 0 <= low <= high <= BOUNDS[-1]


def test_bars_are_as_high_as_their_values_and_none_stands_for_nothing():
    assert spark([0, 1, 50, 100], width=4, top=100) == " ▁▄█"
    assert spark([1, 2, 3], width=2, top=3) == "▆█"
    assert spark([0.0], width=5, top=0) == " "
