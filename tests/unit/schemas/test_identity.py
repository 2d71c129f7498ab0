import uuid

from hypothesis import given
from hypothesis import strategies as st

from classwaves_schemas.identity import new_event_id

TIME = st.integers(0, 2**48 - 1)
RANDOM = st.binary(min_size=10, max_size=10)


def test_the_example_of_the_standard_is_reproduced():
    randomness = bytes.fromhex("0cc318c4dc0c0c07398f")
    assert new_event_id(0x017F22E279B0, randomness) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(TIME, RANDOM)
def test_an_id_is_a_version_7_uuid(now_ms, randomness):
    made = uuid.UUID(new_event_id(now_ms, randomness))
    assert (made.version, made.variant, made.int >> 80) == (7, uuid.RFC_4122, now_ms)


@given(TIME, TIME, RANDOM, RANDOM)
def test_ids_sort_by_their_milliseconds(one, other, randomness, more):
    if one < other:
        assert new_event_id(one, randomness) < new_event_id(other, more)


def test_ids_of_one_moment_differ():
    assert len({new_event_id() for _ in range(1000)}) == 1000
