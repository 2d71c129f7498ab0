from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.consumer.ingested_through import IngestedThrough


def test_a_partition_without_an_answer_is_due_and_unknown():
    ingested_through = IngestedThrough(interval_ms=10_000)
    assert ingested_through.due(0, 5)
    assert ingested_through.at(0, 100) is None


def test_a_position_at_the_end_is_ingested_through_the_time_of_the_request():
    ingested_through = IngestedThrough(interval_ms=10_000)
    ingested_through.record_end(0, requested_ms=7_000, end=50)
    assert ingested_through.at(0, 49) is None
    assert ingested_through.at(0, 50) == ingested_through.at(0, 51) == 7_000
    assert ingested_through.at(1, 50) is None


def test_the_next_request_is_due_after_the_interval():
    ingested_through = IngestedThrough(interval_ms=10_000)
    ingested_through.record_end(0, requested_ms=7_000, end=50)
    assert not ingested_through.due(0, 16_999)
    assert ingested_through.due(0, 17_000)
    assert ingested_through.due(1, 7_001)


@given(
    st.lists(
        st.tuples(st.sampled_from(["append", "ask", "store"]), st.integers(1, 20)), max_size=40
    )
)
def test_no_time_covers_a_message_that_is_not_stored(steps):
    """Time T means that every message appended before T is stored."""
    ingested_through, now, appended, position = IngestedThrough(interval_ms=0), 0, list[int](), 0
    for action, amount in steps:
        now += amount
        if action == "append":
            appended += [now] * amount
        elif action == "ask":
            ingested_through.record_end(0, now, len(appended))
        else:
            position = min(position + amount, len(appended))
        claim = ingested_through.at(0, position)
        assert claim is None or not [at for at in appended[position:] if at < claim]
