from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from classwaves_analytics.errors import SessionUnknown
from classwaves_analytics.shapes import classic, store
from classwaves_analytics.timeline import Gap, find_gaps, read_timeline
from classwaves_warehouse.checkpoint import Progress
from classwaves_warehouse.errors import VersionGone
from classwaves_warehouse.memory.warehouse import MemoryWarehouse
from tests.support.rows import STREAM, batch, event


@pytest.fixture
def stored():
    with ExitStack() as readers:

        def of(*rows):
            warehouse = MemoryWarehouse()
            warehouse.ledger(STREAM).append(
                batch(*rows), {0: None}, {0: Progress(position=len(rows))}
            )
            return readers.enter_context(warehouse.reader())

        yield of


class ForgetfulReader:
    """Files of what it pins are deleted before they are read, so many times."""

    def __init__(self, reader, times):
        self._reader = reader
        self._times = times

    def pin(self, tables):
        self._pinned = self._reader.pin(tables)
        return self

    def timeline(self, session_id, limit, after=None):
        if after is not None and self._times:
            self._times -= 1
            raise VersionGone("session_events: version 1 can no longer be read")
        return self._pinned.timeline(session_id, limit, after)


def test_a_long_timeline_is_read_in_pages(stored):
    rows = [event(f"{n:02}", minutes=n // 3, source=["b", None][n % 2]) for n in range(20)]
    reader = stored(*rows)
    whole = read_timeline(reader, "s1").events
    for page_rows in (1, 7, 20, 21):
        assert read_timeline(reader, "s1", page_rows).events == whole


def test_a_timeline_is_read_once_more_if_files_of_its_version_were_deleted(stored):
    reader = stored(*[event(str(n), minutes=n) for n in range(5)])
    found = read_timeline(ForgetfulReader(reader, times=1), "s1", page_rows=2)
    assert [each.id for each in found.events] == list("01234")
    with pytest.raises(VersionGone, match="session_events: version 1"):
        read_timeline(ForgetfulReader(reader, times=2), "s1", page_rows=2)


def test_events_are_in_order_whatever_their_order_of_arrival(stored):
    found = read_timeline(
        stored(event("c", minutes=2), event("a", minutes=1), event("b", minutes=1)), "s1"
    )
    assert [each.id for each in found.events] == ["a", "b", "c"]


def test_events_of_other_sessions_are_left_out(stored):
    found = read_timeline(stored(event("a"), event("b", session_id="s2")), "s1")
    assert [each.id for each in found.events] == ["a"]


@pytest.mark.parametrize("text", ['{"teacherNotes":"O"Neil"}', "[1]", "null", "7", "[" * 100_000])
def test_a_payload_that_is_not_an_object_is_kept_raw_without_effect_on_other_events(stored, text):
    found = read_timeline(
        stored(event("a", payload=text), event("b", minutes=1, payload='{"groupId":"g1"}')), "s1"
    )
    assert (found.events[0].payload, found.events[0].raw_payload) == (None, text)
    assert (found.events[1].payload, found.events[1].raw_payload) == ({"groupId": "g1"}, None)


def test_a_row_without_a_payload_has_an_empty_one(stored):
    assert read_timeline(stored(event("a", payload=None)), "s1").events[0].payload == {}


def test_missing_sequence_numbers_are_gaps(stored):
    rows = [event(str(n), source="controller-1", sequence=n) for n in (1, 2, 5)]
    assert read_timeline(stored(*rows), "s1").gaps == (Gap("controller-1", 3, 4),)


def test_a_session_without_events_is_unknown(stored):
    with pytest.raises(SessionUnknown, match="session s9"):
        read_timeline(stored(event("a")), "s9")


def test_the_store_shape_has_the_columns_and_the_payload_as_an_object(stored):
    (shown,) = map(
        store,
        read_timeline(stored(event("a", payload='{"groupId":"g1"}', sequence=3)), "s1").events,
    )
    assert list(shown)[:7] == [
        "id",
        "session_id",
        "teacher_id",
        "event_type",
        "event_time",
        "payload",
        "created_at",
    ]
    assert shown["event_time"] == "2026-03-02T08:00:00.000Z"
    assert shown["payload"] == {"groupId": "g1"}
    assert shown["sequence"] == 3


def test_the_store_shape_has_the_raw_text_only_without_a_payload(stored):
    (shown,) = map(store, read_timeline(stored(event("a", payload="broken")), "s1").events)
    assert (shown["payload"], shown["raw_payload"]) == (None, "broken")


def test_the_classic_shape_has_the_five_keys_of_the_endpoint(stored):
    found = read_timeline(
        stored(event("a", event_type="leader_ready", payload='{"groupId":"g1"}')), "s1"
    )
    assert [classic(each) for each in found.events] == [
        {
            "timestamp": "2026-03-02T08:00:00.000Z",
            "type": "leader_ready",
            "description": "Group leader ready",
            "impact": None,
            "groupId": "g1",
        }
    ]


def test_the_classic_shape_has_null_for_unknown_values(stored):
    (shown,) = map(
        classic,
        read_timeline(
            stored(event("a", event_type="session_started", payload="broken")), "s1"
        ).events,
    )
    assert (shown["description"], shown["impact"], shown["groupId"]) == (
        "session_started",
        None,
        None,
    )


def test_microseconds_are_shown_if_there_are_any(stored):
    (shown,) = map(classic, read_timeline(stored(event("a", minutes=1e-6)), "s1").events)
    assert shown["timestamp"] == "2026-03-02T08:00:00.000060Z"


numbered = st.lists(st.tuples(st.sampled_from([None, "a", "b"]), st.none() | st.integers(1, 40)))


def numbers_of(events, source):
    return {sequence for name, sequence in events if name == source and sequence is not None}


@given(numbered)
def test_stored_numbers_and_gaps_together_are_dense(events):
    found = list(find_gaps(events))
    for source in ("a", "b"):
        there = numbers_of(events, source)
        lacking = [
            n for gap in found if gap.source == source for n in range(gap.first, gap.last + 1)
        ]
        assert there.isdisjoint(lacking)
        assert sorted(there.union(lacking)) == (
            list(range(min(there), max(there) + 1)) if there else []
        )


@given(numbered.flatmap(lambda events: st.tuples(st.just(events), st.permutations(events))))
def test_the_order_of_arrival_does_not_change_gaps(events):
    given_order, another = events
    assert list(find_gaps(given_order)) == list(find_gaps(another))


@given(numbered)
def test_repeats_do_not_change_gaps(events):
    assert list(find_gaps(events + events)) == list(find_gaps(events))


def test_consecutive_missing_numbers_are_one_gap():
    assert list(find_gaps([("a", 1), ("a", 5), ("b", 7), (None, 9), ("b", None)])) == [
        Gap("a", 2, 4)
    ]
