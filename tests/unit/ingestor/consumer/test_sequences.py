from collections import defaultdict

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.consumer.sequences import SequenceFaults, SequenceWatch
from classwaves_warehouse.batch import ROWS

FIELDS = ("session_id", "source", "sequence")


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


def test_a_very_large_gap_is_counted_and_not_stored_number_by_number():
    watch = SequenceWatch()
    assert watch.watch(rows(("s", "a", 1), ("s", "a", 10**12))) == SequenceFaults(
        skipped=10**12 - 2
    )
    assert watch.watch(rows(("s", "a", 7))) == SequenceFaults()


def test_the_least_recent_pairs_are_forgotten():
    watch = SequenceWatch()
    watch.watch(rows(("first", "a", 1)))
    watch.watch(rows(*((str(session), "a", 1) for session in range(20_000))))
    assert watch.watch(rows(("first", "a", 9))) == SequenceFaults()


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
