"""The SQL says what the reference says, whatever the sources hold. `tests/integration` tries more of them."""

from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.rollup.asking import hours_from
from tests.support.rollup.holding import hold_hour, hold_totals
from tests.support.rollup.random_sources import random_sources
from tests.support.rollup.rows import HOUR

# Looking for the least failing case would take minutes: DuckDB takes 50 ms to plan a statement.
FEW = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate],
)


@FEW
@given(random_sources(), st.integers(-2, 2))
def test_the_facts_of_an_hour_are_those_of_the_reference(sources, offset):
    hold_hour(sources, HOUR + timedelta(hours=offset))


@FEW
@given(random_sources(), st.integers(1, 2))
def test_what_facts_come_to_over_hours_is_what_the_reference_says(sources, count):
    hold_totals(sources, hours_from(HOUR - timedelta(hours=1), count))
