"""Comparisons of facts and totals, and of the SQL with the reference."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from math import isclose
from typing import Any

from tests.support.rollup import reference, reference_totals
from tests.support.rollup.reference_totals import Fact
from tests.support.rollup.rows import Sources, to_arrow
from tests.support.rollup.statements import (
    compute_facts,
    compute_facts_of_hours,
    compute_totals,
    count_events_without_school,
    sort_facts,
    sorted_facts,
    with_all_sources,
)


def is_close(one: Any, other: Any) -> bool:
    """Whether values are equal, or doubles that differ by no more than the rounding of sums."""
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=1e-9, abs_tol=1e-7)
    return bool(one == other)


def differing_facts(ours: Sequence[Fact], theirs: Sequence[Fact]) -> list[Fact]:
    """Facts without a close one on the other side; all facts if ours has a duplicate."""
    if len(set(ours)) != len(ours):
        return list(ours)
    one, other = ({fact[:4]: fact for fact in facts} for facts in (ours, theirs))
    return [
        fact
        for key in one.keys() | other.keys()
        for fact in (one.get(key), other.get(key))
        if fact is not None
        and not (key in one and key in other and all(map(is_close, one[key], other[key])))
    ]


def differing_rows(
    ours: Mapping[str, Mapping[str, Any]], theirs: Mapping[str, Mapping[str, Any]]
) -> list[tuple[Any, ...]]:
    """School, column and both values where these are not close; the school if one side lacks it."""
    only = [(school,) for school in ours.keys() ^ theirs.keys()]
    return only + [
        (school, column, ours[school].get(column), value)
        for school in ours.keys() & theirs.keys()
        for column, value in theirs[school].items()
        if not is_close(ours[school].get(column), value)
    ]


def assert_hour_matches_reference(sources: Sources, hour: datetime) -> None:
    """Compare the facts of an hour, and the number of its events without a school."""
    assert not differing_facts(
        sorted_facts(compute_facts(with_all_sources(to_arrow(sources)), hour)),
        sort_facts(reference.facts(sources, hour)),
    )
    assert count_events_without_school(sources, hour) == reference.without_school(sources, hour)


def assert_totals_match_reference(sources: Sources, hours: Sequence[datetime]) -> None:
    """Compare the totals of consecutive hours."""
    end = hours[-1] + timedelta(hours=1)
    found = compute_totals(compute_facts_of_hours(sources, hours), hours[0], end)
    facts = [fact for hour in hours for fact in reference.facts(sources, hour)]
    assert not differing_rows(found, reference_totals.totals(facts))
