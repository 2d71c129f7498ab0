import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.consumer.ingested_through import IngestedThrough

LATER = 10**9


@pytest.fixture
def ingested_through() -> IngestedThrough:
    return IngestedThrough(interval=10, skew_ms=0)


def test_a_partition_without_an_answer_is_due_and_unknown(ingested_through):
    assert ingested_through.due(0, 5)
    assert ingested_through.advance_to(0, 100, LATER) is None


def test_a_position_at_the_end_is_ingested_through_the_time_of_the_request(ingested_through):
    ingested_through.record_end(0, end=50, now_ms=7_000, at=7)
    assert ingested_through.advance_to(0, 49, LATER) is None
    assert (
        ingested_through.advance_to(0, 50, LATER)
        == ingested_through.advance_to(0, 51, LATER)
        == 7_000
    )
    assert ingested_through.advance_to(1, 50, LATER) is None


def test_the_next_request_is_due_after_the_interval_of_the_monotonic_clock(ingested_through):
    ingested_through.record_end(0, end=50, now_ms=LATER, at=7)
    assert not ingested_through.due(0, 16.9)
    assert ingested_through.due(0, 17)
    assert ingested_through.due(1, 7.1)


def test_behind_a_steady_lag_the_time_advances(ingested_through):
    """The position is always 30 seconds, three requests, behind the end."""
    found = []
    for second in range(0, 100, 10):
        ingested_through.record_end(0, end=second, now_ms=second * 1000, at=second)
        found.append(ingested_through.advance_to(0, second - 30, LATER))
    assert found == [None] * 3 + [second * 1000 for second in range(0, 70, 10)]


def test_the_time_stays_while_the_position_reaches_no_further_end(ingested_through):
    ingested_through.record_end(0, end=50, now_ms=7_000, at=7)
    assert ingested_through.advance_to(0, 50, LATER) == 7_000
    ingested_through.record_end(0, end=90, now_ms=17_000, at=17)
    assert ingested_through.advance_to(0, 89, LATER) == 7_000


def test_the_time_of_the_table_counts_until_an_end_is_reached(ingested_through):
    ingested_through.restore(0, 5_000)
    ingested_through.record_end(0, end=50, now_ms=7_000, at=7)
    assert ingested_through.advance_to(0, 49, LATER) == 5_000
    assert ingested_through.advance_to(0, 50, LATER) == 7_000
    ingested_through.restore(0, None)
    assert ingested_through.advance_to(0, 50, LATER) is None


def test_an_end_from_before_a_revocation_does_not_move_the_time_of_the_table_back(ingested_through):
    ingested_through.record_end(0, end=50, now_ms=7_000, at=7)
    ingested_through.restore(0, 60_000)
    assert ingested_through.advance_to(0, 90, LATER) == 60_000


@pytest.mark.parametrize("restored", [True, False], ids=["in the table", "reached by this process"])
def test_a_time_in_the_future_is_forgotten(restored):
    ingested_through = IngestedThrough(interval=10, skew_ms=500)
    if restored:
        ingested_through.restore(0, 9_000)
    else:
        ingested_through.record_end(0, end=50, now_ms=9_500, at=7)
    assert ingested_through.advance_to(0, 50, None) == 9_000
    assert ingested_through.advance_to(0, 50, 8_500) == 9_000
    assert ingested_through.advance_to(0, 50, 8_499) is None
    ingested_through.record_end(0, end=50, now_ms=8_499, at=17)
    assert ingested_through.advance_to(0, 50, 8_499) == 7_999


def test_an_end_that_was_requested_in_the_future_is_forgotten(ingested_through):
    ingested_through.record_end(0, end=50, now_ms=9_000, at=7)
    assert ingested_through.advance_to(0, 40, 3_000) is None
    assert ingested_through.advance_to(0, 50, 4_000) is None


def test_the_skew_of_brokers_is_subtracted():
    ingested_through = IngestedThrough(interval=10, skew_ms=500)
    ingested_through.record_end(0, end=50, now_ms=9_000, at=7)
    assert ingested_through.advance_to(0, 50, 9_000) == 8_500


def test_a_day_of_lag_takes_bounded_memory_and_the_time_advances_to_its_end(ingested_through):
    day = 24 * 360
    for number in range(day):
        ingested_through.record_end(0, end=number, now_ms=number, at=number)
    assert len(ingested_through._partitions[0].ends) <= 128
    found = [ingested_through.advance_to(0, number, LATER) for number in range(day)]
    assert found[0] == 0
    assert found[-1] == day - 1
    assert len(set(found)) > 64
    assert found == sorted(found)


def test_an_idle_partition_keeps_one_end(ingested_through):
    for number in range(1000):
        ingested_through.record_end(0, end=50, now_ms=number, at=number)
    assert len(ingested_through._partitions[0].ends) == 1
    assert ingested_through.advance_to(0, 50, LATER) == 999


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["append", "request", "store", "restart", "wrong clock"]),
            st.integers(1, 20),
        ),
        max_size=60,
    )
)
def test_no_time_covers_a_message_that_is_not_stored(steps):
    """Time T means that every message appended before T is stored."""
    ingested_through, now, appended, position = IngestedThrough(0, 3), 0, list[int](), 0
    stored: int | None = None
    for action, amount in steps:
        now += amount
        match action:
            case "append":
                appended += [now] * amount
            case "request":
                # This broker's clock differs from the one that stamps the messages.
                ingested_through.record_end(0, len(appended), now + amount % 7 - 3, now)
            case "store":
                position = min(position + amount, len(appended))
            case "restart":
                ingested_through.restore(0, stored)
            case "wrong clock":
                ingested_through.restore(0, now + 4 + amount)
        stored = ingested_through.advance_to(0, position, now - 3)
        assert stored is None or not [at for at in appended[position:] if at < stored]
