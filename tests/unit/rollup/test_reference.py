"""The SQL matches the reference for random sources; tests/integration tries more of them."""

from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.rollup.assertions import (
    assert_hour_matches_reference,
    assert_totals_match_reference,
)
from tests.support.rollup.random_sources import random_sources
from tests.support.rollup.rows import HOUR
from tests.support.rollup.statements import hours_from

# No shrinking: it would take minutes, since DuckDB takes 50 ms to plan a statement.
FEW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate],
)


@FEW
@given(random_sources(), st.integers(-2, 2))
def test_the_facts_of_an_hour_match_the_reference(sources, offset):
    assert_hour_matches_reference(sources, HOUR + timedelta(hours=offset))


@FEW
@given(random_sources(), st.integers(1, 2))
def test_the_totals_of_hours_match_the_reference(sources, count):
    assert_totals_match_reference(sources, hours_from(HOUR - timedelta(hours=1), count))
