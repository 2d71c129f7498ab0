from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from demo.incident import Victim, at_random, scripted


@given(st.integers(0, 2**32), st.floats(1, 600), st.floats(1, 60))
def test_incidents_follow_each_other_and_end_within_the_day(seed, seconds, every):
    incidents = list(at_random(Random(seed), seconds, every))
    assert all(0 <= each.killed < each.back < seconds for each in incidents)
    assert all(before.back <= after.killed for before, after in pairwise(incidents))


@given(st.floats(1, 600))
def test_the_script_kills_one_of_each_and_brings_all_back_within_half_the_day(seconds):
    script = {each.victim: each for each in scripted(seconds)}
    assert script.keys() == set(Victim)
    assert all(0 < each.killed < each.back < seconds / 2 for each in script.values())


@given(st.floats(1, 600))
def test_the_scripts_producer_dies_while_there_is_no_broker(seconds):
    script = {each.victim: each for each in scripted(seconds)}
    assert (
        script[Victim.BROKER].killed < script[Victim.PRODUCER].killed < script[Victim.BROKER].back
    )
