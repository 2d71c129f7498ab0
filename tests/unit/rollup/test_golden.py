"""All cases are computed in one hour, each in schools of its own: none disturbs another."""

import pytest

from tests.support.rollup.alike import differing
from tests.support.rollup.asking import everywhere, facts_of, homeless, hourly_of
from tests.support.rollup.golden import CASES, together
from tests.support.rollup.rows import arrow

NUMBERED = dict(enumerate(CASES))


@pytest.fixture(scope="module")
def facts():
    return facts_of(everywhere(arrow(together(CASES)[0])))


@pytest.fixture(scope="module")
def hourly(facts):
    """By rates and school."""
    return {
        rates: {row["school_id"]: row for row in hourly_of(facts, rates=rates)}
        for rates in {case.rates for case in CASES}
    }


@pytest.mark.parametrize("number", NUMBERED, ids=lambda number: NUMBERED[number].name)
def test_an_hour_is_what_was_computed_by_hand(hourly, number):
    own = f"{number}."
    found = {
        school: row
        for school, row in hourly[NUMBERED[number].rates].items()
        if school.startswith(own)
    }
    expected = {school: row for school, row in together(CASES)[1].items() if school.startswith(own)}
    assert not differing(found, expected)


def test_events_without_a_school_are_counted():
    given, _, expected = together(CASES)
    assert homeless(given) == expected
