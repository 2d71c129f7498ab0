"""The SQL says what the reference says, whatever the sources hold."""

import os
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.support.rollup import reference
from tests.support.rollup.alike import differing, differing_facts
from tests.support.rollup.asking import everywhere, facts_of, homeless, hours_from, in_order, listed, several, totals_of
from tests.support.rollup.random_sources import random_sources
from tests.support.rollup.rows import HOUR, arrow

few = settings(
    max_examples=int(os.environ.get("ROLLUP_EXAMPLES", "12")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=[Phase.explicit, Phase.generate],
)


@few
@given(random_sources(), st.integers(-2, 2))
def test_the_facts_of_an_hour_are_those_of_the_reference(sources, offset):
    hour = HOUR + timedelta(hours=offset)
    assert not differing_facts(
        listed(facts_of(everywhere(arrow(sources)), hour)), in_order(reference.facts(sources, hour))
    )
    assert homeless(sources, hour) == reference.without_school(sources, hour)


@few
@given(random_sources(), st.integers(1, 3))
def test_what_facts_come_to_over_hours_is_what_the_reference_says(sources, count):
    hours = hours_from(HOUR - timedelta(hours=1), count)
    found = totals_of(several(sources, hours), hours[0], hours[-1] + timedelta(hours=1))
    facts = [fact for hour in hours for fact in reference.facts(sources, hour)]
    assert not differing(found, reference.totals(facts))
