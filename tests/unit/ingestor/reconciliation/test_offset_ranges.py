import itertools

from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.reconciliation.offset_ranges import format_ranges, gaps, join, to_ranges

offsets = st.sets(st.integers(0, 60)).map(sorted)


def flat(pieces):
    return [offset for piece in pieces for offset in piece]


@given(offsets)
def test_ranges_have_the_same_offsets_and_never_touch(given_offsets):
    pieces = list(to_ranges(given_offsets))
    assert flat(pieces) == given_offsets
    assert all(left.stop < right.start for left, right in itertools.pairwise(pieces))


@given(offsets)
def test_offsets_and_their_gaps_cover_everything(given_offsets):
    assert sorted(given_offsets + flat(gaps(given_offsets, 0, 61))) == list(range(61))


@given(offsets)
def test_gaps_are_maximal_ranges(given_offsets):
    pieces = list(gaps(given_offsets, 0, 61))
    assert pieces == list(to_ranges(flat(pieces)))


@given(offsets, st.integers(0, 10))
def test_join_joins_near_ranges_and_only_those(given_offsets, within):
    pieces = list(join(to_ranges(given_offsets), within))
    assert set(given_offsets) <= set(flat(pieces))
    assert all(right.start - left.stop > within for left, right in itertools.pairwise(pieces))
    assert all(piece.start in given_offsets and piece.stop - 1 in given_offsets for piece in pieces)


def test_ranges_are_formatted_for_people():
    assert format_ranges([range(3, 8), range(9, 10)]) == "3-7, 9"
    assert format_ranges([range(n, n + 1) for n in (1, 3, 5)], most=2) == "1, 3, and 1 more ranges"
