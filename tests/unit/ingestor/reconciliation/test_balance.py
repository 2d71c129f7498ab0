from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from classwaves_ingestor.kafka.interface import Watermarks
from classwaves_ingestor.reconciliation.balance import (
    Balance,
    balance,
    lost_dead_letters,
    stop_reason,
    total,
)
from classwaves_warehouse.checkpoint import Checkpoint, StopReason
from classwaves_warehouse.interface import PartitionRows
from classwaves_warehouse.offset_sums import OffsetSums

counts = st.integers(0, 1000)
CLASSES = ("stored", "duplicates", "bad", "old", "erased", "holes", "expired")


@st.composite
def balanced_partitions(draw):
    """A partition with every message in one class: checkpoint, log, rows."""
    first = draw(counts)
    classes: dict[str, list[int]] = {name: [] for name in CLASSES}
    for offset, name in enumerate(draw(st.lists(st.sampled_from(CLASSES), max_size=60)), first):
        classes[name].append(offset)
    sums = {name: OffsetSums.of(offsets) for name, offsets in classes.items()}
    position = first + sum(each.count for each in sums.values())
    checkpoint = Checkpoint(
        position,
        first,
        summed_from=first,
        duplicates=sums["duplicates"],
        erased=sums["erased"],
        holes=sums["holes"],
        expired=sums["expired"],
        acknowledged=sums["expired"].count,
        dead_lettered={"not_json": sums["bad"], "too_old": sums["old"]},
    )
    low = draw(st.integers(0, position))
    rows = PartitionRows(sums["stored"], sums["stored"].count)
    return checkpoint, Watermarks(low, position + draw(counts)), rows


def without(rows: PartitionRows, gone: int) -> PartitionRows:
    return replace(rows, rows=replace(rows.rows, count=rows.rows.count - gone))


@given(balanced_partitions())
def test_a_balanced_partition_misses_nothing(partition):
    result = balance(*partition)
    assert result.balanced
    assert result.in_flight == partition[1].high - partition[0].position


@given(balanced_partitions(), st.data())
def test_the_equation_holds_with_missing_messages(partition, data):
    checkpoint, log, rows = partition
    gone = data.draw(st.integers(0, rows.distinct))
    lost = data.draw(st.integers(0, checkpoint.dead_letters.count))
    result = balance(checkpoint, log, without(rows, gone), lost)
    assert result.missing == gone + lost
    assert result.sent == (
        result.stored + result.duplicates + result.dead_lettered + result.erased + result.expired
        + result.kafka_holes + result.in_flight + result.missing
    )  # fmt: skip


@given(balanced_partitions(), st.data())
def test_a_lost_row_and_an_overcounted_message_do_not_hide_each_other(partition, data):
    checkpoint, log, rows = partition
    assume(checkpoint.position > checkpoint.first_offset + 1)
    lost, twice = (
        data.draw(st.integers(checkpoint.first_offset, checkpoint.position - 1)) for _ in range(2)
    )
    assume(lost != twice)
    wrong = replace(
        checkpoint,
        holes=checkpoint.holes + OffsetSums.of([twice]) - OffsetSums.of([lost]),
    )
    result = balance(wrong, log, rows)
    assert (result.missing, result.twice) == (1, 1)


@given(balanced_partitions(), st.integers(0, 60))
def test_sums_count_only_from_the_first_commit_that_wrote_them(partition, ahead):
    """Counters of a checkpoint that version 0.1 began have no sums for its first offsets."""
    checkpoint, log, _ = partition
    begin = min(checkpoint.first_offset + ahead, checkpoint.position)
    stored = OffsetSums.of_range(begin, checkpoint.position)
    older = begin - checkpoint.first_offset
    upgraded = Checkpoint(
        checkpoint.position, checkpoint.first_offset, summed_from=begin, holes=OffsetSums(older)
    )
    assert balance(upgraded, log, PartitionRows(stored, stored.count)).balanced
    wrong = replace(upgraded, holes=OffsetSums(older, 1, 1))
    assert not balance(wrong, log, PartitionRows(stored, stored.count)).balanced


@given(balanced_partitions(), st.data())
def test_a_log_that_was_read_again_from_an_earlier_offset_is_balanced(partition, data):
    checkpoint, log, rows = partition
    parted = data.draw(st.integers(checkpoint.first_offset, checkpoint.position))
    again = OffsetSums.of_range(parted, checkpoint.position)
    rewound = replace(
        checkpoint, position=parted, superseded=again, superseded_until=checkpoint.position
    )
    assert balance(rewound, log, rows).balanced
    read = replace(rewound, position=checkpoint.position)
    new_rows = PartitionRows(rows.rows + again, checkpoint.position - checkpoint.first_offset)
    assert balance(read, log, new_rows).balanced
    assert balance(read, log, new_rows).sent == log.high - checkpoint.first_offset + again.count
    assert not again or not balance(read, log, rows).balanced


def test_the_sums_of_a_log_that_parted_below_the_first_sum_are_not_compared():
    checkpoint = Checkpoint(
        5, 0, summed_from=8, superseded=OffsetSums.of_range(5, 10), superseded_until=10
    )
    rows = PartitionRows(OffsetSums(10, 17, 145), 10)
    assert balance(checkpoint, Watermarks(0, 5), rows).balanced


@given(balanced_partitions(), st.data())
def test_dead_letters_are_compared_with_the_topic_by_number_and_by_sum(partition, data):
    checkpoint = partition[0]
    offsets = range(checkpoint.first_offset, checkpoint.position)
    found = frozenset(data.draw(st.sets(st.sampled_from(offsets))) if offsets else ())
    counted = replace(checkpoint, dead_lettered={"not_json": OffsetSums.of(found)})
    assert lost_dead_letters(counted, found) == 0
    for gone in sorted(found)[:1]:
        assert lost_dead_letters(counted, found - {gone}) == 1
        assert lost_dead_letters(counted, (found - {gone}) | {checkpoint.position}) == 1
        assert lost_dead_letters(counted, found | {checkpoint.position}) == 0
        superseded = replace(counted, superseded=OffsetSums(1))
        assert lost_dead_letters(superseded, found - {gone}) == 0


@given(balanced_partitions(), st.integers(1, 10), st.integers(0, 10))
def test_surplus_rows_are_twice_and_hide_nothing(partition, surplus, repeats):
    checkpoint, log, rows = partition
    stored = PartitionRows(
        replace(rows.rows, count=rows.distinct + surplus + repeats), rows.distinct + surplus
    )
    result = balance(checkpoint, log, stored)
    assert result.twice == surplus + repeats
    assert result.missing == 0


@given(balanced_partitions(), st.integers(1, 100), st.integers(0, 100))
def test_messages_that_retention_deleted_unread_are_expired(partition, expired, acknowledged):
    checkpoint, log, rows = partition
    known = replace(checkpoint, acknowledged=checkpoint.acknowledged + acknowledged)
    log = Watermarks(checkpoint.position + expired, log.high + expired)
    result = balance(known, log, rows)
    assert result.balanced
    assert result.expired == checkpoint.expired.count + expired
    assert result.unacknowledged == max(0, expired - acknowledged)
    assert result.in_flight == log.high - log.low


@given(counts, counts)
def test_a_partition_without_a_commit_is_in_flight_from_its_low_watermark(low, length):
    result = balance(None, Watermarks(low, low + length), PartitionRows())
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
    none = Balance(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert total([replace(none, twice=2), none], repeated=2).twice == 2
    assert total([none], repeated=1).twice == 1


@pytest.mark.parametrize(
    ("checkpoint", "reason"),
    [
        (None, None),
        (Checkpoint(9, 0), None),
        (Checkpoint(10, 0), StopReason.LOG_ENDS_BELOW_POSITION),
        (Checkpoint(9, 0, stopped=StopReason.CORRUPT_BATCH), StopReason.CORRUPT_BATCH),
    ],
)
def test_a_partition_is_stopped_by_its_owner_or_by_what_its_log_shows(checkpoint, reason):
    assert stop_reason(checkpoint, Watermarks(0, 9)) is reason
