from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.consumer.freshness import Freshness


def test_a_partition_that_nobody_asked_about_is_due_and_tells_nothing():
    freshness = Freshness(interval_ms=10_000)
    assert freshness.due(0, 5)
    assert freshness.stored_until(0, 100) is None


def test_a_position_at_the_end_is_stored_up_to_the_moment_of_the_question():
    freshness = Freshness(interval_ms=10_000)
    freshness.ended(0, asked_ms=7_000, end=50)
    assert freshness.stored_until(0, 49) is None
    assert freshness.stored_until(0, 50) == freshness.stored_until(0, 51) == 7_000
    assert freshness.stored_until(1, 50) is None


def test_the_next_question_is_due_after_the_interval():
    freshness = Freshness(interval_ms=10_000)
    freshness.ended(0, asked_ms=7_000, end=50)
    assert not freshness.due(0, 16_999)
    assert freshness.due(0, 17_000)
    assert freshness.due(1, 7_001)


@given(
    st.lists(
        st.tuples(st.sampled_from(["append", "ask", "store"]), st.integers(1, 20)), max_size=40
    )
)
def test_no_claim_covers_a_message_that_is_not_stored(steps):
    """Each message is appended at a known time; a claim up to T means that all appended before T are stored."""
    freshness, now, appended, position = Freshness(interval_ms=0), 0, list[int](), 0
    for action, amount in steps:
        now += amount
        if action == "append":
            appended += [now] * amount
        elif action == "ask":
            freshness.ended(0, now, len(appended))
        else:
            position = min(position + amount, len(appended))
        claim = freshness.stored_until(0, position)
        assert claim is None or not [at for at in appended[position:] if at < claim]
