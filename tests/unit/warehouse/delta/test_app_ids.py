import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.delta.app_ids import AppIds, id_shard_app_id, id_shards_in
from classwaves_warehouse.interface import Stream

names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
counts = st.integers(0, 2**62)
checkpoints = st.builds(
    Checkpoint,
    position=counts,
    first_offset=counts,
    duplicates=counts,
    conflicting=counts,
    erased=counts,
    holes=counts,
    dead_lettered=st.dictionaries(names, st.integers(1, 2**62)),
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


def test_a_zero_counter_is_left_out():
    stored = AppIds(Stream("g/1", "t", "T")).encode(
        4, Checkpoint(position=3, first_offset=0, holes=1)
    )
    assert stored == {
        "g%2F1/T/4": 3,
        "g%2F1/T/4/first": 0,
        "g%2F1/T/4/stored-until": 0,
        "g%2F1/T/4/holes": 1,
    }


def test_the_id_shards_of_a_commit_are_separated_from_its_other_transactions():
    assert id_shards_in(
        {id_shard_app_id(0): 9, id_shard_app_id(59): 1, "g/T/0": 4, "topics/g/t/T": 1}
    ) == {0, 59}
