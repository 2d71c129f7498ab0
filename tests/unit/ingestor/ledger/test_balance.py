from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.ledger.balance import Balance, Held, balance, total
from classwaves_ingestor.topics.watermarks import Watermarks
from classwaves_warehouse.checkpoint import Checkpoint

counts = st.integers(0, 1000)


@st.composite
def sound_partitions(draw):
    """A partition whose every message is accounted for: checkpoint, log, rows."""
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
    return checkpoint, Watermarks(low, position + waiting), Held(stored)


@given(sound_partitions())
def test_a_partition_that_is_accounted_for_lacks_nothing(partition):
    result = balance(*partition)
    assert result.sound
    assert result.in_flight == partition[1].high - partition[0].position


@given(sound_partitions(), st.data())
def test_the_equation_holds_whatever_is_missing(partition, data):
    checkpoint, log, held = partition
    gone = data.draw(st.integers(0, held.stored))
    letters = data.draw(st.integers(0, sum(checkpoint.dead_lettered.values())))
    result = balance(checkpoint, log, Held(held.stored - gone), letters)
    assert result.missing == gone + letters
    assert result.sent == (
        result.stored + result.duplicates + result.dead_lettered + result.erased
        + result.kafka_holes + result.in_flight + result.missing
    )  # fmt: skip


@given(sound_partitions(), st.integers(1, 10), st.integers(0, 10))
def test_what_is_accounted_for_twice_is_twice_and_hides_nothing(partition, surplus, repeats):
    checkpoint, log, held = partition
    result = balance(checkpoint, log, Held(held.stored + surplus, repeats))
    assert result.twice == surplus + repeats
    assert result.missing == 0


@given(sound_partitions(), st.integers(1, 100))
def test_what_retention_deleted_unread_is_missing_and_no_longer_in_flight(partition, expired):
    checkpoint, log, held = partition
    log = Watermarks(checkpoint.position + expired, log.high + expired)
    result = balance(checkpoint, log, held)
    assert result.missing == expired
    assert result.in_flight == log.high - log.low


@given(counts, counts)
def test_a_partition_that_was_never_committed_is_in_flight_from_where_its_log_begins(low, length):
    result = balance(None, Watermarks(low, low + length), Held())
    assert (result.sent, result.in_flight) == (length, length)
    assert result.sound


@given(sound_partitions(), st.integers(1, 100))
def test_a_log_that_ends_below_the_position_takes_nothing_from_what_is_stored(partition, lost):
    checkpoint, log, held = partition
    result = balance(
        checkpoint, Watermarks(min(log.low, 0), max(0, checkpoint.position - lost)), held
    )
    assert result.sound
    assert result.sent == checkpoint.position - checkpoint.first_offset
    assert result.in_flight == 0


@given(st.lists(sound_partitions(), max_size=5))
def test_the_total_is_the_sum_of_its_partitions(partitions):
    balances = [balance(*partition) for partition in partitions]
    result = total(balances, repeated=0)
    assert result.sound
    assert result.sent == sum(each.sent for each in balances)
    assert result.stored == sum(each.stored for each in balances)


def test_a_row_that_repeats_offset_and_identity_is_there_twice_once():
    none = Balance(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert total([replace(none, twice=2), none], repeated=2).twice == 2
    assert total([none], repeated=1).twice == 1
