import json
from collections import defaultdict
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_ingestor.producer.draft import Draft
from classwaves_ingestor.producer.sequences import Sequences
from classwaves_runtime.errors import SettingsError


def draft(session):
    return Draft("started", "e", session, b'{"session_id":"%b"' % session.encode(), {})


def numbered(sequences, session, *, taken=True):
    message = json.loads(sequences.complete(draft(session)))
    if taken:
        sequences.commit(session)
    return message["source"], message["sequence"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"), st.booleans(), st.integers(0, 30).map(lambda dice: dice == 0)
        )
    ),
    st.integers(1, 4),
)
def test_numbers_are_dense_from_1_for_each_session_and_source(steps, max_sessions):
    """For any order of emitted events, refused events and new sources."""
    sequences = Sequences("c", max_sessions, map(str, count()).__next__)
    found = defaultdict(list)
    for session, taken, broken in steps:
        if broken:
            sequences.new_source()
        source, number = numbered(sequences, session, taken=taken)
        if taken:
            found[session, source].append(number)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in found.values())


@given(st.lists(st.sampled_from("abcdef")), st.integers(1, 4))
def test_no_source_numbers_more_sessions_than_the_limit(sessions, max_sessions):
    sequences = Sequences("c", max_sessions, map(str, count()).__next__)
    found = defaultdict(set)
    for session in sessions:
        found[numbered(sequences, session)[0]].add(session)
    assert all(len(known) <= max_sessions for known in found.values())


def test_the_source_is_the_component_with_a_unique_instance():
    first, second = Sequences("session-controller"), Sequences("session-controller")
    assert first.source.startswith("session-controller/")
    assert first.source != second.source


def test_a_component_that_is_not_an_identifier_is_a_settings_error():
    with pytest.raises(SettingsError, match=r"^component: "):
        Sequences("x" * 250)
