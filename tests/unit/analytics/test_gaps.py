from hypothesis import given
from hypothesis import strategies as st

from classwaves_analytics.gaps import Gap, gaps

numbered = st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.none() | st.integers(1, 40)))


def told(events, source):
    return {sequence for name, sequence in events if name == source and sequence is not None}


@given(numbered)
def test_what_is_there_and_the_gaps_make_each_source_dense(events):
    found = list(gaps(events))
    for source in ("a", "b"):
        there = told(events, source)
        lacking = [
            n for gap in found if gap.source == source for n in range(gap.first, gap.last + 1)
        ]
        assert there.isdisjoint(lacking)
        assert sorted(there.union(lacking)) == (
            list(range(min(there), max(there) + 1)) if there else []
        )


@given(numbered.flatmap(lambda events: st.tuples(st.just(events), st.permutations(events))))
def test_the_order_of_arrival_makes_no_gap(events):
    given_order, another = events
    assert list(gaps(given_order)) == list(gaps(another))


@given(numbered)
def test_repeats_make_no_gap(events):
    assert list(gaps(events + events)) == list(gaps(events))


def test_neighbouring_numbers_that_are_missing_are_one_gap():
    assert list(gaps([("a", 1), ("a", 5), ("b", 7), (None, 9), ("b", None)])) == [Gap("a", 2, 4)]
