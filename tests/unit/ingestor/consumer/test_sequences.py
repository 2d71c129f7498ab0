from collections import defaultdict

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.consumer.sequences import MAX_BYTES, SequenceFaults, SequenceWatch
from classwaves_warehouse.batch import ROWS
from tests.support.memory import held_bytes

FIELDS = ("session_id", "source", "sequence")
EMPTY = 1_024


def rows(*arrivals):
    columns = zip(*arrivals, strict=True) if arrivals else ([], [], [])
    return pa.table(
        dict(zip(FIELDS, columns, strict=True)),
        schema=pa.schema([ROWS.field(name) for name in FIELDS]),
    )


def test_consecutive_numbers_have_no_faults():
    watch = SequenceWatch()
    assert (
        watch.watch(rows(("s", "a", 1), ("s", "b", 1), ("s", "a", 2), ("t", "a", 1)))
        == SequenceFaults()
    )
    assert watch.watch(rows(("s", "a", 3), ("s", "b", 2))) == SequenceFaults()


def test_a_skipped_number_opens_a_gap_and_its_late_arrival_closes_it():
    watch = SequenceWatch()
    assert watch.watch(rows(("s", "a", 1), ("s", "a", 4))) == SequenceFaults(skipped=2)
    assert watch.watch(rows(("s", "a", 3))) == SequenceFaults(out_of_order=1)
    assert watch.watch(rows(("s", "a", 3), ("s", "a", 4), ("s", "a", 1))) == SequenceFaults()
    assert watch.watch(rows(("s", "a", 2), ("s", "a", 5))) == SequenceFaults(out_of_order=1)


def test_numbers_before_the_first_arrival_are_no_gap():
    assert SequenceWatch().watch(rows(("s", "a", 17), ("s", "a", 18))) == SequenceFaults()


def test_rows_without_a_source_or_a_number_are_ignored():
    assert (
        SequenceWatch().watch(rows(("s", None, 1), ("s", "a", None), ("s", None, 9)))
        == SequenceFaults()
    )
    assert SequenceWatch().watch(rows()) == SequenceFaults()


def test_a_very_large_gap_takes_no_more_memory_than_a_small_one():
    watch = SequenceWatch()
    assert watch.watch(rows(("s", "a", 1), ("s", "a", 10**12))) == SequenceFaults(
        skipped=10**12 - 2
    )
    assert held_bytes(watch) < 2_000
    assert watch.watch(rows(("s", "a", 7))) == SequenceFaults(out_of_order=1)


def test_a_forgotten_pair_begins_again_at_its_next_event():
    watch = SequenceWatch(max_bytes=20_000)
    watch.watch(rows(("first", "a", 1), ("first", "a", 4)))
    watch.watch(rows(*((str(session), "a", 1) for session in range(20_000 // 300))))
    assert watch.watch(rows(("first", "a", 3))) == SequenceFaults()
    assert watch.watch(rows(("first", "a", 9))) == SequenceFaults(skipped=5)


def test_the_least_recent_pairs_are_forgotten_first():
    watch = SequenceWatch(max_bytes=20_000)
    for session in range(1_000):
        watch.watch(rows((str(session), "a", 1), ("steady", "a", session + 1)))
    assert watch.watch(rows(("steady", "a", 1_003))) == SequenceFaults(skipped=2)
    assert watch.watch(rows(("0", "a", 9))) == SequenceFaults()


def test_a_pair_with_more_gaps_than_fit_forgets_its_oldest_gaps():
    watch = SequenceWatch(max_bytes=20_000)
    skipped = watch.watch(rows(*(("s", "a", 2 * number) for number in range(1, 10_001)))).skipped
    assert skipped == 9_999
    assert watch.watch(rows(("s", "a", 3))) == SequenceFaults()
    assert watch.watch(rows(("s", "a", 19_999))) == SequenceFaults(out_of_order=1)


identifiers = st.text(min_size=1, max_size=256)
numbers = st.integers(1, 2**63 - 1)


@given(
    st.lists(st.lists(st.tuples(identifiers, identifiers, numbers), max_size=20), max_size=10),
    st.integers(0, 5_000),
)
def test_the_accounted_bytes_are_what_is_held_at_most_and_stay_below_the_limit(batches, max_bytes):
    watch = SequenceWatch(max_bytes)
    for batch in batches:
        watch.watch(rows(*batch))
        assert watch.bytes <= max_bytes
        assert held_bytes(watch) <= watch.bytes + EMPTY


def test_sessions_that_skip_a_thousand_numbers_each_stay_below_the_default_limit():
    """A producer that numbers per process and not per session looks like this."""
    watch = SequenceWatch()
    for first in range(0, 20_000, 1_000):
        sessions = [f"session-{number}" for number in range(first, first + 1_000)]
        watch.watch(rows(*((each, "a", 1) for each in sessions)))
        watch.watch(rows(*((each, "a", 1_001) for each in sessions)))
    assert held_bytes(watch) <= MAX_BYTES + EMPTY


@given(st.data())
def test_opened_minus_closed_gaps_are_the_numbers_missing_between_first_and_highest(
    data,
):
    pairs = st.tuples(st.sampled_from("st"), st.sampled_from("ab"), st.integers(1, 30))
    batches = data.draw(st.lists(st.lists(pairs, max_size=20), max_size=5))
    watch = SequenceWatch()
    opened = closed = 0
    for batch in batches:
        found = watch.watch(rows(*batch))
        opened += found.skipped
        closed += found.out_of_order
    arrived = defaultdict(list)
    for session, source, number in (arrival for batch in batches for arrival in batch):
        arrived[session, source].append(number)
    missing = sum(
        len(set(range(numbers[0], max(numbers))) - set(numbers)) for numbers in arrived.values()
    )
    assert opened - closed == missing
