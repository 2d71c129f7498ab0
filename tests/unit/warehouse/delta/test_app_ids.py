import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_warehouse.checkpoint import Checkpoint, RecentMessages, StopReason
from classwaves_warehouse.delta.app_ids import AppIds, id_shard_app_id, id_shards_in
from classwaves_warehouse.interface import Stream
from classwaves_warehouse.offset_sums import OffsetSums

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
counts = st.integers(0, 2**62)
offsets = st.builds(OffsetSums, counts, st.integers(0, 2**61 - 1), st.integers(0, 2**61 - 1))
checkpoints = st.builds(
    Checkpoint,
    position=counts,
    first_offset=counts,
    summed_from=counts,
    duplicates=offsets,
    conflicting=counts,
    erased=offsets,
    holes=offsets,
    expired=offsets,
    superseded=offsets,
    superseded_until=counts,
    dead_lettered=st.dictionaries(names, offsets),
    leader_epoch=st.none() | st.integers(0, 2**31 - 1),
    recent=st.builds(RecentMessages, counts, counts),
    released_until=counts,
    stopped=st.none() | st.sampled_from(StopReason),
    ingested_through_ms=st.none() | st.integers(1, 2**62),
)


@given(
    group=names,
    topic=names,
    topic_id=names,
    checkpoints_by_partition=st.dictionaries(st.integers(0, 2**31 - 1), checkpoints),
)
def test_decoding_returns_the_encoded_checkpoints(group, topic, topic_id, checkpoints_by_partition):
    ids = AppIds(Stream(group, topic, topic_id))
    stored = {"ids/3": 5, ids.topic: 1}
    for partition, checkpoint in checkpoints_by_partition.items():
        stored |= ids.encode(partition, checkpoint)
    assert ids.decode(stored) == checkpoints_by_partition
    assert ids.topic_ids(stored) == {topic_id}


@pytest.mark.parametrize(
    "other",
    [
        Stream("g", "t", "2"),
        Stream("g/1", "t", "1"),
        Stream("g%2F1", "t", "1"),
        Stream("h", "t", "1"),
    ],
)
def test_streams_do_not_share_app_ids(other):
    stored = AppIds(Stream("g", "t", "1")).encode(0, Checkpoint(position=3, first_offset=0))
    assert AppIds(other).decode(stored) == {}


def test_a_number_that_is_not_stored_is_zero():
    ids = AppIds(Stream("g/1", "t", "T"))
    checkpoint = Checkpoint(position=3, first_offset=0, holes=OffsetSums(1, 2, 4))
    stored = {app_id: number for app_id, number in ids.encode(4, checkpoint).items() if number}
    assert stored == {
        "g%2F1/T/4": 3,
        "g%2F1/T/4/summed-from": 1,
        "g%2F1/T/4/holes": 1,
        "g%2F1/T/4/holes/sum": 2,
        "g%2F1/T/4/holes/squares": 4,
    }
    assert ids.decode(stored) == {4: checkpoint}


def test_the_sums_of_a_checkpoint_of_version_0_1_begin_at_its_position():
    ids = AppIds(Stream("g", "t", "T"))
    stored = {"g/T/0": 30, "g/T/0/first": 10, "g/T/0/holes": 2}
    assert ids.decode(stored) == {
        0: Checkpoint(position=30, first_offset=10, summed_from=30, holes=OffsetSums(2))
    }


def test_an_acknowledgement_is_no_transaction_of_the_partition():
    ids = AppIds(Stream("g", "t", "T"))
    stored = ids.encode(0, Checkpoint(position=3, first_offset=0))
    assert ids.acknowledged(0) not in stored
    assert ids.decode(stored | {ids.acknowledged(0): 7})[0].acknowledged == 7


def test_the_id_shards_of_a_commit_are_separated_from_its_other_transactions():
    assert id_shards_in(
        {id_shard_app_id(0): 9, id_shard_app_id(59): 1, "g/T/0": 4, "topics/g/t/T": 1}
    ) == {0, 59}
