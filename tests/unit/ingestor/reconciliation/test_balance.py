from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_ingestor.reconciliation.balance import Balance, StoredOffsets, balance, total
from classwaves_warehouse.checkpoint import Checkpoint

counts = st.integers(0, 1000)


@st.composite
def balanced_partitions(draw):
    """A partition with every message in one class: checkpoint, log, rows."""
    stored, duplicates, bad, old, erased, holes, waiting = (draw(counts) for _ in range(7))
    first = draw(counts)
    position = first + stored + duplicates + bad + old + erased + holes
    checkpoint = Checkpoint(
        position,
        first,
        duplicates=duplicates,
        erased=erased,
        holes=holes,
        dead_lettered={"not_json": bad, "too_old": old},
    )
    low = draw(st.integers(0, position))
    return checkpoint, Watermarks(low, position + waiting), StoredOffsets(stored)


@given(balanced_partitions())
def test_a_balanced_partition_misses_nothing(partition):
    result = balance(*partition)
    assert result.balanced
    assert result.in_flight == partition[1].high - partition[0].position


@given(balanced_partitions(), st.data())
def test_the_equation_holds_with_missing_messages(partition, data):
    checkpoint, log, rows = partition
    gone = data.draw(st.integers(0, rows.stored))
    lost = data.draw(st.integers(0, sum(checkpoint.dead_lettered.values())))
    result = balance(checkpoint, log, StoredOffsets(rows.stored - gone), lost)
    assert result.missing == gone + lost
    assert result.sent == (
        result.stored + result.duplicates + result.dead_lettered + result.erased
        + result.kafka_holes + result.in_flight + result.missing
    )  # fmt: skip


@given(balanced_partitions(), st.integers(1, 10), st.integers(0, 10))
def test_surplus_rows_are_twice_and_hide_nothing(partition, surplus, repeats):
    checkpoint, log, rows = partition
    result = balance(checkpoint, log, StoredOffsets(rows.stored + surplus, repeats))
    assert result.twice == surplus + repeats
    assert result.missing == 0


@given(balanced_partitions(), st.integers(1, 100))
def test_messages_that_retention_deleted_unread_are_missing_and_not_in_flight(partition, expired):
    checkpoint, log, rows = partition
    log = Watermarks(checkpoint.position + expired, log.high + expired)
    result = balance(checkpoint, log, rows)
    assert result.missing == expired
    assert result.in_flight == log.high - log.low


@given(counts, counts)
def test_a_partition_without_a_commit_is_in_flight_from_its_low_watermark(low, length):
    result = balance(None, Watermarks(low, low + length), StoredOffsets())
    assert (result.sent, result.in_flight) == (length, length)
    assert result.balanced


@given(balanced_partitions(), st.integers(1, 100))
def test_a_log_that_ends_below_the_position_does_not_affect_stored_rows(partition, lost):
    checkpoint, log, rows = partition
    result = balance(
        checkpoint, Watermarks(min(log.low, 0), max(0, checkpoint.position - lost)), rows
    )
    assert result.balanced
    assert result.sent == checkpoint.position - checkpoint.first_offset
    assert result.in_flight == 0


@given(st.lists(balanced_partitions(), max_size=5))
def test_the_total_is_the_sum_of_its_partitions(partitions):
    balances = [balance(*partition) for partition in partitions]
    result = total(balances, repeated=0)
    assert result.balanced
    assert result.sent == sum(each.sent for each in balances)
    assert result.stored == sum(each.stored for each in balances)


def test_a_row_that_repeats_offset_and_identity_counts_as_twice_once():
    none = Balance(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert total([replace(none, twice=2), none], repeated=2).twice == 2
    assert total([none], repeated=1).twice == 1
