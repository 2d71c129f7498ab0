import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_warehouse.batch import Found, deduplicate, id_shards_of
from classwaves_warehouse.delta.dedup.identities import Identities, SortedRuns
from tests.support.rows import batch, event

# org.apache.kafka.common.utils.UtilsTest.testMurmur2
JAVA = {
    "21": -973932308,
    "foobar": -790332482,
    "a-little-bit-long-string": -985981536,
    "a-little-bit-longer-string": -1486304829,
    "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
}


def test_id_shards_are_kafkas_own_murmur2():
    assert id_shards_of(list(JAVA)).tolist() == [
        (value & 0x7FFFFFFF) % 60 for value in JAVA.values()
    ]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_an_id_shard_depends_only_on_its_key(keys):
    id_shards = id_shards_of(keys)
    assert id_shards.tolist() == [shard for key in keys for shard in id_shards_of([key]).tolist()]
    assert all(shard < 60 for shard in id_shards)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (event("c", session_id="ab"), event("bc", session_id="a")),
        (event("c", session_id="1:a"), event(":ac", session_id="1")),
        (event("a"), event("a", session_id="s2")),
    ],
)
def test_identities_of_different_events_differ(one, other):
    assert len(set(batch(one, other).digests.tolist())) == 2


def test_taking_rows_keeps_computed_columns():
    rows = batch(event("a"), event("b", session_id="s2", partition=1), event("c", payload=None))
    digests, fingerprints, id_shards = rows.digests, rows.fingerprints, rows.id_shards
    taken = rows.where(np.array([False, True, True]))
    assert "digests" in taken.__dict__
    assert taken.digests.tolist() == digests[1:].tolist()
    assert taken.fingerprints.tolist() == fingerprints[1:].tolist()
    assert taken.id_shards.tolist() == id_shards[1:].tolist()
    assert taken.partitions.tolist() == [1, 0]


def test_an_empty_batch_has_no_id_shards_and_no_new_rows():
    assert batch().id_shards.tolist() == []
    assert deduplicate(batch(), lambda wanted: Found.none(len(wanted))).new.tolist() == []


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"))),
    st.dictionaries(st.sampled_from("abc"), st.just("x")),
)
def test_deduplication_keeps_the_first_of_each_identity(arrived, held):
    stored = batch(*(event(id_, payload=payload) for id_, payload in held.items()))
    rows = (
        event(id_, payload=payload, offset=offset)
        for offset, (id_, payload) in enumerate(arrived, len(held))
    )
    result = deduplicate(batch(*rows), lookup_in(stored))
    first = dict(held)
    for (id_, payload), new, repeat, conflicting in zip(
        arrived, result.new, result.repeats, result.conflicting, strict=True
    ):
        assert new != repeat
        assert new == (id_ not in first)
        assert conflicting == (first.setdefault(id_, payload) != payload)


def lookup_in(stored):
    index = SortedRuns()
    index.add(Identities.of(stored))
    return index.find


def test_a_row_that_is_stored_from_its_own_message_is_neither_new_nor_a_repeat():
    stored = batch(event("a", offset=7), event("b", offset=8))
    again = batch(
        event("a", offset=7),
        event("a", offset=9),
        event("b", offset=8, partition=1),
        event("b", offset=8, kafka_topic_id="another"),
    )
    result = deduplicate(again, lookup_in(stored))
    assert result.new.tolist() == [False] * 4
    assert result.repeats.tolist() == [False, True, True, True]


def test_rows_without_coordinates_are_repeats():
    unknown = {"kafka_topic_id": None, "kafka_partition": None, "kafka_offset": None}
    result = deduplicate(batch(event("a", offset=0)), lookup_in(batch(event("a", **unknown))))
    assert result.repeats.tolist() == [True]
