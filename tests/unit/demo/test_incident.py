from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from demo.incident import at_random, half_way


@given(st.integers(0, 2**32), st.floats(1, 600), st.floats(1, 60))
def test_incidents_follow_each_other_and_end_within_the_day(seed, seconds, every):
    incidents = list(at_random(Random(seed), seconds, consumers=2, every=every))
    assert all(0 <= each.killed < each.back < seconds and each.consumer in {0, 1} for each in incidents)
    assert all(before.back <= after.killed for before, after in pairwise(incidents))


@given(st.floats(1, 600))
def test_the_demo_kills_one_consumer_half_way_and_brings_it_back(seconds):
    (incident,) = half_way(seconds)
    assert incident.killed == seconds / 2 < incident.back < seconds
