from random import Random

from hypothesis import given
from hypothesis import strategies as st

from classwaves_warehouse.delta.backoff import PATIENT, Backoff


@given(st.integers(1, 50), st.integers())
def test_a_pause_is_never_longer_than_said(attempt, seed):
    backoff = Backoff(first=0.5, longest=3)
    assert 0 <= backoff.pause(attempt, Random(seed)) <= min(3, 0.5 * 2 ** (attempt - 1))


def test_the_patient_backoff_gives_up_within_seconds():
    longest = sum(PATIENT.pause(attempt, _Longest()) for attempt in range(1, PATIENT.attempts))
    assert 3 < longest < 10


class _Longest(Random):
    def uniform(self, _low, high):
        return high
