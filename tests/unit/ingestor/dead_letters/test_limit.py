from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.dead_letters.limit import RejectLimit, RejectLimitState
from classwaves_warehouse.checkpoint import NO_MESSAGES, RecentMessages


def exceeds(state: RejectLimitState, messages: int, rejects: int, partition: int = 0) -> bool:
    """Whether these messages of one partition exceed the limit; the last ones are rejects."""
    stopped = state.count(
        {partition: messages} if messages else {},
        ((partition, offset) for offset in range(rejects)),
    )
    return partition in stopped


def test_a_bad_stream_exceeds_the_limit():
    state = RejectLimitState(RejectLimit(ratio=0.5, messages=100))
    assert not exceeds(state, 99, 99)
    assert exceeds(state, 1, 1)


def test_exactly_the_ratio_is_permitted():
    state = RejectLimitState(RejectLimit(ratio=0.5, messages=100))
    assert not exceeds(state, 100, 50)
    assert exceeds(state, 100, 51)


def test_a_ratio_of_one_switches_the_limit_off():
    assert not exceeds(RejectLimitState(RejectLimit(ratio=1, messages=10)), 1000, 1000)


def test_messages_older_than_the_window_do_not_count():
    state = RejectLimitState(RejectLimit(ratio=0.5, messages=10))
    assert not exceeds(state, 9, 9)
    assert not exceeds(state, 10, 0)
    assert not exceeds(state, 10, 5)
    assert exceeds(state, 10, 6)


def test_empty_polls_use_no_memory():
    """An idle topic is polled millions of times a week."""
    state = RejectLimitState(RejectLimit(ratio=0.5, messages=10))
    assert not exceeds(state, 1, 1)
    for _ in range(1000):
        assert not exceeds(state, 0, 0)
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
            state.count({0: seen[-1][0]}, ((0, offset) for offset in range(seen[-1][1])))
            return
        assert not exceeds(state, *seen[-1])


def test_a_restart_does_not_forget_the_latest_messages():
    limit = RejectLimit(ratio=0.5, messages=100)
    before = RejectLimitState(limit)
    assert not exceeds(before, 60, 60)
    after = RejectLimitState(limit)
    after.start(0, before.recent(0), released_until=0)
    assert not exceeds(after, 39, 39)
    assert exceeds(after, 1, 1)


def test_only_partitions_that_are_mostly_bad_themselves_are_stopped():
    state = RejectLimitState(RejectLimit(ratio=0.5, messages=100))
    state.start(1, RecentMessages(100, 3), released_until=0)
    assert not exceeds(state, 90, 90, partition=0)
    assert state.count({0: 200, 1: 5, 2: 5}, [*((0, o) for o in range(200)), (1, 7)]) == [0]


def test_a_stop_does_not_count_against_the_other_partitions():
    state = RejectLimitState(RejectLimit(ratio=0.5, messages=100))
    assert exceeds(state, 100, 100)
    assert not exceeds(state, 99, 99, partition=1)
    assert exceeds(state, 1, 1, partition=1)


def test_released_messages_do_not_count():
    state = RejectLimitState(RejectLimit(ratio=0.5, messages=100))
    state.start(0, NO_MESSAGES, released_until=500)
    assert state.count({0: 500}, ((0, offset) for offset in range(500))) == ()
    assert state.count({0: 100}, ((0, offset) for offset in range(500, 600))) == [0]


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), max_size=20), st.integers(1, 40))
def test_what_is_recent_is_bounded_by_the_window(polls, window):
    state = RejectLimitState(RejectLimit(1, window))
    for messages, share in polls:
        exceeds(state, messages, int(messages * share))
        recent = state.recent(0)
        assert 0 <= recent.bad <= recent.messages <= window
    assert state.recent(0).messages == min(window, sum(messages for messages, _ in polls))
