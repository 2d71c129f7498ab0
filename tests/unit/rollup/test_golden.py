"""All cases are computed in one hour, each with schools of its own."""

import pytest

from tests.support.rollup.assertions import differing_rows
from tests.support.rollup.golden import CASES, combine
from tests.support.rollup.rows import to_arrow
from tests.support.rollup.statements import (
    compute_facts,
    compute_hourly,
    count_events_without_school,
    with_all_sources,
)

NUMBERED = dict(enumerate(CASES))


@pytest.fixture(scope="module")
def facts():
    return compute_facts(with_all_sources(to_arrow(combine(CASES)[0])))


@pytest.fixture(scope="module")
def hourly(facts):
    """By rates and school."""
    return {
        rates: {row["school_id"]: row for row in compute_hourly(facts, rates=rates)}
        for rates in {case.rates for case in CASES}
    }


@pytest.mark.parametrize("number", NUMBERED, ids=lambda number: NUMBERED[number].name)
def test_an_hour_matches_the_result_by_hand(hourly, number):
    own = f"{number}."
    found = {
        school: row
        for school, row in hourly[NUMBERED[number].rates].items()
        if school.startswith(own)
    }
    expected = {school: row for school, row in combine(CASES)[1].items() if school.startswith(own)}
    assert not differing_rows(found, expected)


def test_events_without_a_school_are_counted():
    given, _, expected = combine(CASES)
    assert count_events_without_school(given) == expected
