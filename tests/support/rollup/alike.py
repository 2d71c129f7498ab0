"""What is the same but for the last bits of a double."""

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any

from tests.support.rollup.totals import Fact


def alike(one: Any, other: Any) -> bool:
    """Equal; or doubles that differ by no more than what sums are rounded to."""
    if isinstance(one, float) and isinstance(other, float):
        return isclose(one, other, rel_tol=1e-9, abs_tol=1e-7)
    return bool(one == other)


def differing_facts(ours: Sequence[Fact], theirs: Sequence[Fact]) -> list[Fact]:
    """Facts without one that is alike on the other side; all of them if one side has a fact more often than once."""
    if len(set(ours)) != len(ours):
        return list(ours)
    one, other = ({fact[:4]: fact for fact in facts} for facts in (ours, theirs))
    return [
        fact
        for key in one.keys() | other.keys()
        for fact in (one.get(key), other.get(key))
        if fact is not None
        and not (key in one and key in other and all(map(alike, one[key], other[key])))
    ]


def differing(
    ours: Mapping[str, Mapping[str, Any]], theirs: Mapping[str, Mapping[str, Any]]
) -> list[tuple[Any, ...]]:
    """School, column and both values wherever they are not alike; rows that only one has are named by their school."""
    only = [(school,) for school in ours.keys() ^ theirs.keys()]
    return only + [
        (school, column, ours[school].get(column), value)
        for school in ours.keys() & theirs.keys()
        for column, value in theirs[school].items()
        if not alike(ours[school].get(column), value)
    ]
