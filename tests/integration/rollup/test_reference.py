"""The SQL matches the reference for more random sources than the unit tests have time for."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.rollup.assertions import (
    assert_hour_matches_reference,
    assert_totals_match_reference,
)
from tests.support.rollup.random_sources import random_sources
from tests.support.rollup.rows import HOUR
from tests.support.rollup.statements import hours_from

MANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@MANY
@given(random_sources(), st.integers(-12, 12))
def test_the_facts_of_any_hour_match_the_reference(sources, offset):
    assert_hour_matches_reference(sources, HOUR + timedelta(hours=offset))


@MANY
@given(random_sources(), st.integers(1, 5))
def test_the_totals_of_hours_match_the_reference(sources, count):
    assert_totals_match_reference(sources, hours_from(HOUR - timedelta(hours=2), count))
