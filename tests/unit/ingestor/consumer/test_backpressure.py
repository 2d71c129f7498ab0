from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.consumer.backpressure import Backpressure, BackpressurePolicy, Intake

POLICY = BackpressurePolicy(bytes=100, patience_seconds=2.0)


def test_intake_is_open_below_the_budget():
    assert Backpressure(POLICY).intake(99, now=0.0) is Intake.OPEN


def test_a_short_wait_holds_without_a_pause_and_a_long_one_pauses():
    backpressure = Backpressure(POLICY)
    assert backpressure.intake(100, now=10.0) is Intake.HELD
    assert backpressure.intake(500, now=11.9) is Intake.HELD
    assert backpressure.intake(100, now=12.0) is Intake.PAUSED
    assert backpressure.intake(100, now=99.0) is Intake.PAUSED


def test_free_memory_opens_intake_at_once_and_restarts_the_delay():
    backpressure = Backpressure(POLICY)
    backpressure.intake(100, now=0.0)
    assert backpressure.intake(100, now=5.0) is Intake.PAUSED
    assert backpressure.intake(99, now=5.1) is Intake.OPEN
    assert backpressure.intake(100, now=5.2) is Intake.HELD


@given(st.lists(st.tuples(st.integers(0, 200), st.floats(0, 5)), min_size=1))
def test_it_pauses_only_after_being_full_for_the_whole_delay(steps):
    backpressure, now, full_since = Backpressure(POLICY), 0.0, None
    for held, seconds in steps:
        now += seconds
        full_since = None if held < POLICY.bytes else (now if full_since is None else full_since)
        intake = backpressure.intake(held, now)
        assert (intake is Intake.OPEN) == (full_since is None)
        if full_since is not None:
            assert (intake is Intake.PAUSED) == (now - full_since >= POLICY.patience_seconds)
