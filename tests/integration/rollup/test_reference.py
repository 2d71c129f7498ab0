"""The SQL says what the reference says, whatever the sources hold: more of them than the unit tests have time for."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.rollup.asking import hours_from
from tests.support.rollup.holding import hold_hour, hold_totals
from tests.support.rollup.random_sources import random_sources
from tests.support.rollup.rows import HOUR

MANY = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@MANY
@given(random_sources(), st.integers(-12, 12))
def test_the_facts_of_any_hour_are_those_of_the_reference(sources, offset):
    hold_hour(sources, HOUR + timedelta(hours=offset))


@MANY
@given(random_sources(), st.integers(1, 5))
def test_what_facts_come_to_over_hours_is_what_the_reference_says(sources, count):
    hold_totals(sources, hours_from(HOUR - timedelta(hours=2), count))
