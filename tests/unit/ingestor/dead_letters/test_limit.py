import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.dead_letters.limit import RejectLimit, RejectLimitState
from classwaves_ingestor.errors import MostMessagesBad


def test_a_bad_stream_exceeds_the_limit():
    state = RejectLimitState(RejectLimit(ratio=0.5, messages=100))
    state.count(99, 99)
    with pytest.raises(MostMessagesBad, match="100 of the last 100 messages"):
        state.count(1, 1)


def test_exactly_the_ratio_is_permitted():
    state = RejectLimitState(RejectLimit(ratio=0.5, messages=100))
    state.count(100, 50)
    with pytest.raises(MostMessagesBad):
        state.count(100, 51)


def test_a_ratio_of_one_switches_the_limit_off():
    RejectLimitState(RejectLimit(ratio=1, messages=10)).count(1000, 1000)


def test_messages_older_than_the_window_do_not_count():
    state = RejectLimitState(RejectLimit(ratio=0.5, messages=10))
    state.count(9, 9)
    state.count(10, 0)
    state.count(10, 5)
    with pytest.raises(MostMessagesBad):
        state.count(10, 6)


def test_empty_polls_use_no_memory():
    """An idle topic is polled millions of times a week."""
    state = RejectLimitState(RejectLimit(ratio=0.5, messages=10))
    state.count(1, 1)
    for _ in range(1000):
        state.count(0, 0)
    assert len(state._polls) == 1


@given(
    st.lists(st.tuples(st.integers(0, 8), st.floats(0, 1)), max_size=40),
    st.integers(1, 20),
    st.floats(0.1, 0.9),
)
def test_the_window_is_the_fewest_latest_polls_that_fill_it(polls, window, ratio):
    state, seen = RejectLimitState(RejectLimit(ratio, window)), list[tuple[int, int]]()
    for messages, share in polls:
        seen.append((messages, int(messages * share)))
        total = rejects = 0
        for each in reversed(seen):
            if total < window:
                total, rejects = total + each[0], rejects + each[1]
        if total >= window and rejects > ratio * total:
            with pytest.raises(MostMessagesBad):
                state.count(*seen[-1])
            return
        state.count(*seen[-1])
