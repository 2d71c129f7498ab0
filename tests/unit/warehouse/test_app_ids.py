import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_warehouse.checkpoint import Checkpoint
from classwaves_warehouse.delta.app_ids import AppIds, lane_id, lanes_in
from classwaves_warehouse.stream import Stream

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
    stored_until_ms=st.none() | st.integers(1, 2**62),
)


@given(
    group=names,
    topic=names,
    topic_id=names,
    held=st.dictionaries(st.integers(0, 2**31 - 1), checkpoints),
)
def test_checkpoints_are_read_back_as_they_were_kept(group, topic, topic_id, held):
    ids = AppIds(Stream(group, topic, topic_id))
    kept = {"ids/3": 5, ids.topic: 1}
    for partition, checkpoint in held.items():
        kept |= ids.encode(partition, checkpoint)
    assert ids.decode(kept) == held
    assert ids.incarnations(kept) == {topic_id}


@pytest.mark.parametrize(
    "other",
    [
        Stream("g", "t", "2"),
        Stream("g/1", "t", "1"),
        Stream("g%2F1", "t", "1"),
        Stream("h", "t", "1"),
    ],
)
def test_streams_are_kept_apart(other):
    kept = AppIds(Stream("g", "t", "1")).encode(0, Checkpoint(position=3, first_offset=0))
    assert AppIds(other).decode(kept) == {}


def test_a_zero_counter_takes_no_place():
    kept = AppIds(Stream("g/1", "t", "T")).encode(
        4, Checkpoint(position=3, first_offset=0, holes=1)
    )
    assert kept == {"g%2F1/T/4": 3, "g%2F1/T/4/first": 0, "g%2F1/T/4/holes": 1}


def test_the_lanes_of_a_commit_are_told_from_its_other_transactions():
    assert lanes_in({lane_id(0): 9, lane_id(59): 1, "g/T/0": 4, "topics/g/t/T": 1}) == {0, 59}
