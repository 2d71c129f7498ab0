"""The SQL held to the reference."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from tests.support.rollup import reference, totals
from tests.support.rollup.alike import differing, differing_facts
from tests.support.rollup.asking import (
    everywhere,
    facts_of,
    homeless,
    in_order,
    listed,
    several,
    totals_of,
)
from tests.support.rollup.rows import Sources, arrow


def hold_hour(sources: Sources, hour: datetime) -> None:
    """The facts of an hour, and how many of its events belong to no school."""
    assert not differing_facts(
        listed(facts_of(everywhere(arrow(sources)), hour)), in_order(reference.facts(sources, hour))
    )
    assert homeless(sources, hour) == reference.without_school(sources, hour)


def hold_totals(sources: Sources, hours: Sequence[datetime]) -> None:
    """What hours that follow each other come to."""
    found = totals_of(several(sources, hours), hours[0], hours[-1] + timedelta(hours=1))
    facts = [fact for hour in hours for fact in reference.facts(sources, hour)]
    assert not differing(found, totals.totals(facts))
